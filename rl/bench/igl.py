"""Times rewardlab's IGL beside a plain PyTorch loop, interleaved on this machine, and reports ratios with intervals.

    python3 rl/bench/igl.py [--repeats 5] [--python PYTHON_WITH_TORCH] [--json]

Without --python it makes a virtual environment below the user's cache and installs requirements.txt into it (torch is large). Both sides train
on the same 10,000 images with the same sizes. Ratios are medians of PyTorch over medians of ours, with a 95% bootstrap interval over the
repeats; "inside" is the training loop as each program times it, "process" is the whole command from its start to its end, "compile" ours only.
"""

import argparse
import pathlib
import sys
import tempfile

from common import HERE, cache, peer_python, ratio, report, sh, timed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--python", help="a Python that has torch and numpy")
    p.add_argument("--json", action="store_true", help="one JSON object at the end")
    args = p.parse_args()
    python = peer_python(args.python, "torch, numpy", "bench-venv", "requirements.txt")
    with tempfile.TemporaryDirectory() as tmp:
        rl = pathlib.Path(tmp) / "rl"
        sh("go", "build", "-o", rl, "./rl/cmd/rl")
        # The first run fetches what is missing, and is not counted.
        sh(rl, "train", "igl-mnist", "-quiet", "-run", pathlib.Path(tmp) / "first", "-set", "iterations=50")
        mnist = cache() / "datasets" / "mnist"
        ours = lambda k, *more: [rl, "train", "igl-mnist", "-json", "-quiet", "-run", pathlib.Path(tmp) / f"run{k}{len(more)}", *more,
                                 "-set", "images=10000", "-set", "lr=5e-4", "-set", "decoder_lr=5e-4", "-set", "raw_feedback=true"]
        times = {}
        def note(name, value):
            times.setdefault(name, []).append(value)
        for k in range(args.repeats):
            for name, command in (("torch", [python, HERE / "igl_torch.py", mnist, "--seed", k]),
                                  ("torch batched", [python, HERE / "igl_torch.py", mnist, "--seed", k, "--batched"]),
                                  ("ours", ours(k)), ("ours, 4 seeds", ours(k, "-seeds", "4"))):
                whole, result = timed(command)
                note(f"{name}: process", whole)
                note(f"{name}: inside", result["train_s"])
                score = result["score"]
                note(f"{name}: score", score["mean"] if isinstance(score, dict) else score)
                if "compile_s" in result:
                    note(f"{name}: compile", result["compile_s"])
            print(f"repeat {k + 1} of {args.repeats}", file=sys.stderr)
        ratios = {
            "PyTorch / ours, inside": ratio(times["torch: inside"], times["ours: inside"]),
            "PyTorch / ours, process": ratio(times["torch: process"], times["ours: process"]),
            "batched PyTorch / ours, inside": ratio(times["torch batched: inside"], times["ours: inside"]),
            "batched PyTorch / ours, process": ratio(times["torch batched: process"], times["ours: process"]),
            "four seeds / one seed, process": ratio(times["ours, 4 seeds: process"], times["ours: process"]),
        }
    report(times, ratios, args.json, digits=3, repeats=args.repeats)


if __name__ == "__main__":
    main()
