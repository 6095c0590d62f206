"""Times rewardlab's learning from preferences beside the imitation library's, interleaved on this machine, and reports ratios with intervals.

    python3 rl/bench/prefs.py [--repeats 3] [--python PYTHON_WITH_IMITATION] [--json]

Without --python it makes a virtual environment below the user's cache and installs requirements-gail.txt into it (with PyTorch, some gigabytes).
Both learn Pendulum for 50,000 steps from 200 comparisons by a synthetic annotator without noise, on the CPU; the library with the settings of its own
tutorial, ours with the preset prefs-pendulum and sizes like those. Returns are printed beside the times: a ratio of times says nothing without them.
"training" is the training alone, as each program times it, without imports and compiling; "process" is the whole command. A ratio is the
median over the median, with a 95% bootstrap interval over the repeats.
"""

import argparse
import pathlib
import sys
import tempfile

from common import HERE, peer_python, ratio, report, sh, timed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--python", help="a Python that has the packages of requirements-gail.txt")
    p.add_argument("--json", action="store_true", help="one JSON object at the end")
    args = p.parse_args()
    if args.repeats < 1:
        p.error(f"--repeats {args.repeats}: give at least 1")
    python = peer_python(args.python, "imitation", "bench-gail-venv", "requirements-gail.txt")
    times = {}

    def note(name, value):
        times.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory() as tmp:
        rl = pathlib.Path(tmp) / "rl"
        sh("go", "build", "-o", rl, "./rl/cmd/rl")
        # Sizes are the tutorial's: 8 environments, minibatches of 64, nets of 32; clips are shorter, which teaches more. A reference that is given needs
        # no second training.
        sets = ["total=50000", "labels=200", "rounds=5", "reward_hidden=32,32", "reference=-150", "envs=8", "steps=200", "minibatches=25", "hidden=32,32",
                "lr=4e-3", "std=2", "clip_steps=10", "fit=60", "reward_lr=3e-3", "upfront=0.5"]
        ours = lambda seed: [rl, "train", "prefs-pendulum", "-json", "-quiet", "-seeds", f"{seed},", "-run", pathlib.Path(tmp) / f"run{seed}", "-set", *sets]
        sh(*ours(1000))  # installs XLA's plugin if it is missing, and is not counted
        for k in range(1, args.repeats + 1):
            commands = {"ours": ours(k), "imitation": [python, HERE / "prefs_imitation.py", "--seed", k]}
            for name in list(commands)[k % 2 :] + list(commands)[: k % 2]:  # nobody is always the first, when the machine is cool
                whole, out = timed(commands[name])
                note(f"{name}: process", whole)
                note(f"{name}: training", out["train_s"])
                note(f"{name}: return", out["extra"]["eval/return"] if name == "ours" else out["return"])
            print(f"repeat {k} of {args.repeats}", file=sys.stderr)
    ratios = {f"imitation / ours, {x}": ratio(times[f"imitation: {x}"], times[f"ours: {x}"]) for x in ("training", "process")}
    report(times, ratios, args.json, repeats=args.repeats)


if __name__ == "__main__":
    main()
