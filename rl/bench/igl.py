"""Times rewardlab's IGL beside a plain PyTorch loop, interleaved on this machine, and reports ratios with intervals.

    python3 rl/bench/igl.py [--repeats 5] [--python PYTHON_WITH_TORCH] [--json]

Without --python it makes a virtual environment below the user's cache and installs requirements.txt into it (torch is large). Both sides train
on the same 10,000 images with the same sizes. Ratios are medians of PyTorch over medians of ours, with a 95% bootstrap interval over the
repeats; "inside" is the training loop as each program times it, "process" is the whole command from its start to its end, "compile" ours only.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def sh(*args, **kw):
    return subprocess.run([str(a) for a in args], check=True, cwd=ROOT, text=True, capture_output=True, **kw).stdout


def cache():
    return pathlib.Path(os.environ.get("REWARDLAB_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "rewardlab")


def torch_python(given):
    if given:
        return given
    venv = cache() / "bench-venv"
    python = venv / "bin" / "python"
    try:
        sh(python, "-c", "import torch, numpy")
    except (OSError, subprocess.CalledProcessError):
        print(f"installing PyTorch into {venv} (some gigabytes, once)", file=sys.stderr)
        sh(sys.executable, "-m", "venv", "--clear", venv)
        sh(python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt")
    return python


def timed(command):
    start = time.perf_counter()
    out = sh(*command)
    return time.perf_counter() - start, json.loads(out.strip().splitlines()[-1])


def ratio(theirs, ours):
    """Median over median, and the middle 95% of it when the repeats of each side are drawn again with replacement."""
    rng = random.Random(0)
    draws = sorted(statistics.median(rng.choices(theirs, k=len(theirs))) / statistics.median(rng.choices(ours, k=len(ours))) for _ in range(2000))
    return {"ratio": statistics.median(theirs) / statistics.median(ours), "lo": draws[50], "hi": draws[1949]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--python", help="a Python that has torch and numpy")
    p.add_argument("--json", action="store_true", help="one JSON object at the end")
    args = p.parse_args()
    python = torch_python(args.python)
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
        table = {name: {"median": statistics.median(v), "min": min(v), "max": max(v)} for name, v in times.items()}
        ratios = {
            "PyTorch / ours, inside": ratio(times["torch: inside"], times["ours: inside"]),
            "PyTorch / ours, process": ratio(times["torch: process"], times["ours: process"]),
            "batched PyTorch / ours, inside": ratio(times["torch batched: inside"], times["ours: inside"]),
            "batched PyTorch / ours, process": ratio(times["torch batched: process"], times["ours: process"]),
            "four seeds / one seed, process": ratio(times["ours, 4 seeds: process"], times["ours: process"]),
        }
    for name, v in table.items():
        print(f"{name:28} median {v['median']:8.3f}   {v['min']:8.3f} to {v['max']:.3f}")
    for name, v in ratios.items():
        print(f"{name:32} {v['ratio']:7.2f}   [{v['lo']:.2f}, {v['hi']:.2f}]")
    if args.json:
        print(json.dumps({"repeats": args.repeats, "times": table, "ratios": ratios}))


if __name__ == "__main__":
    main()
