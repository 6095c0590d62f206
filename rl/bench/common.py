"""What the benchmarks share: running commands, medians and ratios with intervals, a Python for the peer."""

import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def sh(*args, **kw):
    done = subprocess.run([str(a) for a in args], cwd=ROOT, text=True, capture_output=True, **kw)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, args))} failed with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def cache():
    return pathlib.Path(os.environ.get("REWARDLAB_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "rewardlab")


def peer_python(given, modules, venv, requirements):
    """A Python that can import the modules: the one that is given, or a virtual environment of that name below the cache, made of the requirements."""
    wanted = "import " + modules
    venv = cache() / venv
    python = given or venv / "bin" / "python"
    try:
        if subprocess.run([str(python), "-c", wanted], capture_output=True).returncode == 0:
            return python
    except OSError:
        pass
    if given:
        sys.exit(f"{given} cannot {wanted}: install {requirements} there, or leave --python away")
    print(f"installing {requirements} into {venv} (some gigabytes, once)", file=sys.stderr)
    sh(sys.executable, "-m", "venv", "--clear", venv)
    sh(python, "-m", "pip", "install", "--quiet", "-r", HERE / requirements)
    return python


def timed(command):
    """Seconds of the whole command, and the JSON object in the last line of its output."""
    start = time.perf_counter()
    out = sh(*command)
    return time.perf_counter() - start, json.loads(out.strip().splitlines()[-1])


def interval(draw):
    """The middle 95% of 2,000 numbers that draw makes, each of one resampling: draw has a random.Random to resample by."""
    rng = random.Random(0)
    draws = sorted(draw(rng) for _ in range(2000))
    return draws[50], draws[1949]


def ratio(a, b):
    """Median over median, and the middle 95% of it when the repeats of each side are drawn again with replacement."""
    lo, hi = interval(lambda rng: statistics.median(rng.choices(a, k=len(a))) / statistics.median(rng.choices(b, k=len(b))))
    return {"ratio": statistics.median(a) / statistics.median(b), "lo": lo, "hi": hi}


def report(times, ratios, as_json, digits=2, **more):
    """Prints both tables, times with so many digits, and if asked one JSON object."""
    table = {name: {"median": statistics.median(v), "min": min(v), "max": max(v), "all": v} for name, v in times.items()}
    for name, v in sorted(table.items()):
        print(f"{name:24} median {v['median']:12,.{digits}f}   {v['min']:12,.{digits}f} to {v['max']:,.{digits}f}")
    for name, v in ratios.items():
        print(f"{name:32} {v['ratio']:7.2f}   [{v['lo']:.2f}, {v['hi']:.2f}]")
    if as_json:
        print(json.dumps({**more, "times": table, "ratios": ratios}))
