"""Times rewardlab's PPO beside Stable-Baselines3 and beside the same PPO in JAX, interleaved on this machine, and reports ratios with intervals.

    python3 rl/bench/ppo.py [--repeats 5] [--envs 4] [--peers jax,sb3] [--python PYTHON_WITH_THEM] [--json]

Without --python it makes a virtual environment below the user's cache and installs requirements-ppo.txt into it (with PyTorch, some gigabytes).
Everybody trains CartPole with the same sizes and on the CPU: --envs environments of 128 steps an update, 4 epochs of 4 minibatches, two tanh nets
of 64-64. "steps/s" is the training alone, as each program times it; "compile" is what it compiled before; "process" is the whole command. A
ratio is the median over the median, with a 95% bootstrap interval over the repeats.
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
MODULES = {"jax": "jax", "sb3": "stable_baselines3, gymnasium, torch"}


def sh(*args, **kw):
    done = subprocess.run([str(a) for a in args], cwd=ROOT, text=True, capture_output=True, **kw)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, args))} failed with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def cache():
    return pathlib.Path(os.environ.get("REWARDLAB_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "rewardlab")


def peers_python(given, peers):
    """A Python that has what the peers import."""
    wanted = "import " + ", ".join(MODULES[p] for p in peers)
    venv = cache() / "bench-ppo-venv"
    python = given or venv / "bin" / "python"
    try:
        if subprocess.run([str(python), "-c", wanted], capture_output=True).returncode == 0:
            return python
    except OSError:
        pass
    if given:
        sys.exit(f"{given} cannot {wanted}: install requirements-ppo.txt there, or leave --python away")
    print(f"installing JAX, PyTorch and Stable-Baselines3 into {venv} (some gigabytes, once)", file=sys.stderr)
    sh(sys.executable, "-m", "venv", "--clear", venv)
    sh(python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements-ppo.txt")
    return python


def timed(command):
    start = time.perf_counter()
    out = sh(*command)
    return time.perf_counter() - start, json.loads(out.strip().splitlines()[-1])


def ratio(a, b):
    """Median over median, and the middle 95% of it when the repeats of each side are drawn again with replacement."""
    rng = random.Random(0)
    draws = sorted(statistics.median(rng.choices(a, k=len(a))) / statistics.median(rng.choices(b, k=len(b))) for _ in range(2000))
    return {"ratio": statistics.median(a) / statistics.median(b), "lo": draws[50], "hi": draws[1949]}


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
    python = peers_python(args.python, peers)
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
    table = {name: {"median": statistics.median(v), "min": min(v), "max": max(v), "all": v} for name, v in times.items()}
    ratios = {f"ours / {x}, steps/s": ratio(times["ours: steps/s"], times[f"{x}: steps/s"]) for x in peers}
    if "jax" in peers:
        ratios["jax / ours, compile"] = ratio(times["jax: compile"], times["ours: compile"])
        ratios["jax / ours, process"] = ratio(times["jax: process"], times["ours: process"])
    for name, v in sorted(table.items()):
        print(f"{name:16} median {v['median']:12,.2f}   {v['min']:12,.2f} to {v['max']:,.2f}")
    for name, v in ratios.items():
        print(f"{name:24} {v['ratio']:7.2f}   [{v['lo']:.2f}, {v['hi']:.2f}]")
    if args.json:
        print(json.dumps({"repeats": args.repeats, "envs": args.envs, "times": table, "ratios": ratios}))


if __name__ == "__main__":
    main()
