"""Times rewardlab's GAIL beside that of the Python package imitation, interleaved on this machine, and reports ratios with intervals.

    python3 rl/bench/gail.py [--repeats 5] [--python PYTHON_WITH_IMITATION] [--json]

Without --python it makes a virtual environment below the user's cache and installs requirements-gail.txt into it (with PyTorch, some gigabytes).
Both learn CartPole of always 500 steps from the 57 episodes of an expert that imitation's source archive brings, to a mean return of 475 or
more: imitation with the settings of its tutorial (8 environments, 5 epochs, minibatches of 64, 8 discriminator updates of 2 x 1,024 a round), up to
the first round after which 100 greedy episodes have that mean, or to --total steps; ours with the preset gail-cartpole-fast, to its end. "train" is
the training alone, as each program times it; "process" the whole command, with imports or compilation and one evaluation of 100 greedy episodes:
those after imitation's earlier rounds are not counted. Returns are printed beside the times: a ratio of times says nothing without them.
"""

import argparse
import pathlib
import sys
import tempfile

from common import HERE, cache, peer_python, ratio, report, sh, timed

DEMOS = cache() / "datasets" / "imitation-1.0.1" / "cartpole.npz"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--total", type=int, default=200_000, help="imitation gives up after so many steps")
    p.add_argument("--until", type=float, default=475, help="the mean return that imitation stops at")
    p.add_argument("--python", help="a Python that has the packages of requirements-gail.txt")
    p.add_argument("--json", action="store_true", help="one JSON object at the end")
    args = p.parse_args()
    if args.repeats < 1:
        p.error(f"--repeats {args.repeats}: give at least one")
    python = peer_python(args.python, "imitation, stable_baselines3, seals", "bench-gail-venv", "requirements-gail.txt")
    times = {}

    def note(name, value):
        times.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory() as tmp:
        rl = pathlib.Path(tmp) / "rl"
        sh("go", "build", "-o", rl, "./rl/cmd/rl")
        ours = lambda seed: [rl, "train", "gail-cartpole-fast", "-json", "-quiet", "-seeds", f"{seed},", "-run", pathlib.Path(tmp) / f"run{seed}"]
        # The first run fetches what is missing, and is not counted.
        sh(*ours(1000), "-set", "total=4000")
        for k in range(1, args.repeats + 1):
            commands = {"ours": ours(k), "imitation": [python, HERE / "gail_imitation.py", DEMOS, "--seed", k, "--total", args.total, "--until", args.until]}
            order = list(commands)
            for name in order[k % 2 :] + order[: k % 2]:  # nobody is always the first, when the machine is cool
                whole, result = timed(commands[name])
                note(f"{name}: process", whole - sum(result.get("eval_s", [])[:-1]))
                note(f"{name}: train", result["train_s"])
                note(f"{name}: return", result["extra"]["eval/return"] if name == "ours" else result["score"])
                if "steps" in result:
                    note(f"{name}: steps", result["steps"])
                if "compile_s" in result:
                    note(f"{name}: compile", result["compile_s"])
            print(f"repeat {k} of {args.repeats}", file=sys.stderr)
    ratios = {f"imitation / ours, {x}": ratio(times[f"imitation: {x}"], times[f"ours: {x}"]) for x in ("train", "process")}
    report(times, ratios, args.json, repeats=args.repeats)


if __name__ == "__main__":
    main()
