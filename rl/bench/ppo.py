"""Times rewardlab's PPO beside Stable-Baselines3 and beside the same PPO in JAX, interleaved on this machine, and reports ratios with intervals.

    python3 rl/bench/ppo.py [--repeats 5] [--envs 4] [--peers jax,sb3] [--python PYTHON_WITH_THEM] [--json]

Without --python it makes a virtual environment below the user's cache and installs requirements-ppo.txt into it (with PyTorch, some gigabytes).
Everybody trains CartPole with the same sizes and on the CPU: --envs environments of 128 steps an update, 4 epochs of 4 minibatches, two tanh nets
of 64-64. "steps/s" is the training alone, as each program times it; "compile" is what it compiled before; "process" is the whole command. A
ratio is the median over the median, with a 95% bootstrap interval over the repeats.
"""

import argparse
import pathlib
import sys
import tempfile

from common import HERE, peer_python, ratio, report, sh, timed

MODULES = {"jax": "jax", "sb3": "stable_baselines3, gymnasium, torch"}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--envs", type=int, default=4)
    p.add_argument("--total", type=int, default=500_000, help="steps of ours and of JAX's training")
    p.add_argument("--sb3-total", type=int, default=50_000, help="steps of Stable-Baselines3's, which is slow")
    p.add_argument("--peers", default="jax,sb3")
    p.add_argument("--python", help="a Python that has the packages of requirements-ppo.txt")
    p.add_argument("--json", action="store_true", help="one JSON object at the end")
    args = p.parse_args()
    peers = [x for x in args.peers.split(",") if x]
    if args.repeats < 1 or not set(peers) <= set(MODULES):
        p.error(f"--repeats {args.repeats} --peers {args.peers}: give at least one repeat, and peers out of {', '.join(MODULES)}")
    python = peer_python(args.python, ", ".join(MODULES[x] for x in peers), "bench-ppo-venv", "requirements-ppo.txt")
    times = {}

    def note(name, value):
        times.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory() as tmp:
        rl = pathlib.Path(tmp) / "rl"
        sh("go", "build", "-o", rl, "./rl/cmd/rl")
        ours = lambda seed, total: [rl, "train", "ppo-cartpole", "-json", "-quiet", "-seeds", f"{seed},", "-run", pathlib.Path(tmp) / f"run{seed}",
                                    "-set", f"envs={args.envs}", "-set", f"total={total}"]
        sizes = ["--envs", args.envs]
        # The first run installs XLA's plugin if it is missing, and is not counted.
        sh(*ours(1000, 4 * args.envs * 128))
        for k in range(1, args.repeats + 1):
            commands = {"ours": ours(k, args.total)}
            if "jax" in peers:
                commands["jax"] = [python, HERE / "ppo_jax.py", *sizes, "--total", args.total, "--seed", k]
            if "sb3" in peers:
                commands["sb3"] = [python, HERE / "ppo_sb3.py", *sizes, "--total", args.sb3_total, "--seed", k]
            order = list(commands)
            for name in order[k % len(order) :] + order[: k % len(order)]:  # nobody is always the first, when the machine is cool
                whole, result = timed(commands[name])
                score = result["score"]
                note(f"{name}: steps/s", result["steps_per_s"])
                note(f"{name}: return", score["mean"] if isinstance(score, dict) else score)
                if "compile_s" in result:
                    note(f"{name}: compile", result["compile_s"])
                note(f"{name}: process", whole)
            print(f"repeat {k} of {args.repeats}", file=sys.stderr)
    ratios = {f"ours / {x}, steps/s": ratio(times["ours: steps/s"], times[f"{x}: steps/s"]) for x in peers}
    if "jax" in peers:
        ratios["jax / ours, compile"] = ratio(times["jax: compile"], times["ours: compile"])
        ratios["jax / ours, process"] = ratio(times["jax: process"], times["ours: process"])
    report(times, ratios, args.json, repeats=args.repeats, envs=args.envs)


if __name__ == "__main__":
    main()
