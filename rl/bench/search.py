"""Searches the settings of methods that compete on a task, equally many for each, trains what was best on fresh seeds, and prints one table.

    python3 rl/bench/search.py hallway mountaincar [--tune 3] [--fresh 10] [--out FOLDER] [--workers 2] [--json]
    python3 rl/bench/search.py --list

Tasks are those of asymmetric self-play, the ones with delayed rewards, the grid worlds and the arcade games. A setting is judged by the mean of the
learning curve over the whole training (all steps counted, self-play included) on the seeds 1, 2, ...; the seeds of the table begin at 201. A method that
builds on another tries its settings on top of the other's best. A method is above or below "plain" in the table if the 95% bootstrap interval of the
difference of means says so. Runs that --out has already are not made again, so that a search that was interrupted goes on.
"""

import argparse
import hashlib
import itertools
import json
import pathlib
import statistics
import sys
import tempfile

from common import interval, sh


def grid(**keys):
    """Every combination of the values of some keys, as lists of KEY=VALUE."""
    return [[f"{k}={v}" for k, v in zip(keys, values)] for values in itertools.product(*keys.values())]


def world(name):
    """Self-play: six settings for each way to set tasks, and for none."""
    shared = [[*a, *b] for a in (["lr=1e-3", "entropy=0.01"], ["lr=3e-3", "entropy=0.01"], ["lr=3e-3", "entropy=0.03"]) for b in (["target=0.5"], ["target=0.8"])]
    return "exam/target", {
        "plain": (f"selfplay-{name}-plain", [], grid(lr=("1e-3", "3e-3"), entropy=("0.003", "0.01", "0.03")), None),
        "random Alice": (f"selfplay-{name}-random", [], shared, None),
        "learned, repeat": (f"selfplay-{name}", ["mode=repeat"], shared, None),
        "learned, reverse": (f"selfplay-{name}", ["mode=reverse"], shared, None),
    }


def delayed(name):
    """Rewards paid every 20 steps: eight settings for PPO, eight more on its best for each bonus."""
    preset = f"lirpg-delayed-{name}"
    base = grid(lr=("3e-4", "1e-3", "3e-3"), gamma=("0.95", "0.99")) + [["lr=1e-3", "gamma=0.99", "epochs=20"], ["lr=1e-3", "gamma=0.95", "constant_lr=true"]]
    return "charts/episodic_return", {
        "plain": (preset, ["bonus=none"], base, None),
        "live bonus": (preset, ["bonus=live"], grid(c_in=("1e-3", "3e-3", "0.01", "0.03", "0.1", "0.3", "1", "3")), "plain"),
        "learned": (preset, ["bonus=learned", "meta_norm=10"], grid(c_in=("0.01", "0.1"), beta=("1e-5", "3e-5", "1e-4", "3e-4")), "plain"),
    }


def a2c(name, fixed, live):
    """Four settings of A2C, four more on its best for each bonus."""
    preset = f"lirpg-{name}"
    return "charts/episodic_return", {
        "plain": (preset, [*fixed, "bonus=none"], grid(lr=("1e-3", "3e-3", "1e-2", "3e-2")), None),
        "live bonus": (preset, [*fixed, "bonus=live"], grid(c_in=live), "plain"),
        "learned": (preset, [*fixed, "bonus=learned"], grid(c_in=("0.01", "0.1"), beta=("1e-4", "1e-3")), "plain"),
    }


def maze(name, total):
    """A grid world that pays at its goal alone, with two more bonuses."""
    weights, fixed = ("0.003", "0.01", "0.03", "0.1"), [f"total={total}"]
    curve, methods = a2c(name, fixed, weights)
    return curve, {
        **methods,
        "count bonus": (f"lirpg-{name}", [*fixed, "bonus=count"], grid(c_in=weights), "plain"),
        "shaping": (f"lirpg-{name}", [*fixed, "bonus=potential"], grid(c_in=("0.03", "0.1", "0.3", "1")), "plain"),
    }


def game(name):
    """A game of the arcade, half a million steps with a small dense net."""
    return a2c(name, ["torso=mlp", "total=500000"], ("0.003", "0.01", "0.1", "1"))


TASKS = {
    **{n: world(n) for n in ("hallway", "lightkey", "mountaincar", "pointmass")},
    **{"delayed-" + n: delayed(n) for n in ("reacher", "pusher", "pointmass")},
    **{n: maze(n, total) for n, total in (("chain", 100_000), ("tmaze", 200_000), ("keydoor", 200_000), ("fourrooms", 300_000))},
    **{n: game(n) for n in ("breakout", "freeway", "spaceinvaders", "asterix", "seaquest")},
}


def trained(rl, out, preset, sets, seeds, curve, workers):
    """Area under the learning curve and final score of every seed."""
    name = hashlib.sha256(json.dumps([preset, sets, seeds]).encode()).hexdigest()[:12]
    folder = out / f"{preset}-{name}"
    done = folder / "eval.json"
    if not (done.exists() and json.loads(done.read_text())["complete"]):
        sh(rl, "train", preset, "-quiet", "-replace", "-workers", workers, "-run", folder, "-seeds", ",".join(map(str, seeds)) + ",", *["-set", *sets])
    points = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if curve in row["values"]:
            points.setdefault(row["seed"], []).append(row["values"][curve])
    scores = {s["seed"]: s["score"] for s in json.loads(done.read_text())["seeds"]}
    return [statistics.mean(points[s]) for s in seeds], [scores[s] for s in seeds]


def mean(values):
    lo, hi = interval(lambda rng: statistics.mean(rng.choices(values, k=len(values))))
    return {"mean": statistics.mean(values), "lo": lo, "hi": hi, "all": values}


def verdict(a, b):
    """What a does beside b."""
    lo, hi = interval(lambda rng: statistics.mean(rng.choices(a, k=len(a))) - statistics.mean(rng.choices(b, k=len(b))))
    return "above" if lo > 0 else "below" if hi < 0 else "alike"


def search(task, args, rl):
    curve, methods = TASKS[task]
    tune, fresh = list(range(1, 1 + args.tune)), list(range(201, 201 + args.fresh))
    best, rows = {}, []
    for name, (preset, fixed, settings, on) in methods.items():
        tried = []
        for sets in settings:
            all_sets = [*fixed, *(best[on] if on else []), *sets]
            area, _ = trained(rl, args.out, preset, all_sets, tune, curve, args.workers)
            tried.append((statistics.mean(area), sets))
            print(f"{task}: {name}: {' '.join(sets)}: {tried[-1][0]:.4g}", file=sys.stderr, flush=True)
        best[name] = [*(best[on] if on else []), *max(tried)[1]]
        area, final = trained(rl, args.out, preset, [*fixed, *best[name]], fresh, curve, args.workers)
        rows.append({"task": task, "method": name, "tried": len(tried), "settings": best[name], "area": mean(area), "final": mean(final)})
    for row in rows:
        row["beside plain"] = {k: verdict(row[k]["all"], rows[0][k]["all"]) for k in ("area", "final")}
    return rows


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tasks", nargs="*", metavar="task")
    p.add_argument("--list", action="store_true", help="the tasks, and what is tried on them")
    p.add_argument("--tune", type=int, default=3, help="seeds that a setting is judged by")
    p.add_argument("--fresh", type=int, default=10, help="seeds of the table")
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs") / "search", help="folder of the runs")
    p.add_argument("--workers", type=int, default=0, help="seeds side by side; 0: one per core")
    p.add_argument("--json", action="store_true", help="one JSON object at the end")
    args = p.parse_args()
    if args.list:
        for task, (_, methods) in TASKS.items():
            for name, (preset, fixed, settings, on) in methods.items():
                print(f"{task:18} {name:18} {preset} {' '.join(fixed)}: {'; '.join(' '.join(s) for s in settings)}{f'; on the best of {on}' if on else ''}")
        return
    unknown = [t for t in args.tasks if t not in TASKS]
    if unknown or not args.tasks:
        p.error(f"{' '.join(unknown) or 'no task'}: take some of {' '.join(TASKS)}")
    if args.tune < 1 or args.fresh < 2:
        p.error("give at least one seed to tune by and two fresh ones")
    args.out = args.out.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        rl = pathlib.Path(tmp) / "rl"
        sh("go", "build", "-o", rl, "./rl/cmd/rl")
        rows = [row for task in args.tasks for row in search(task, args, rl)]
    print(f"{'task':18} {'method':18} {'area under the curve':28} {'':6} {'score at the end':28} {'':6} settings")
    for r in rows:
        cell = lambda k: f"{r[k]['mean']:.4g} [{r[k]['lo']:.4g}, {r[k]['hi']:.4g}]"
        print(f"{r['task']:18} {r['method']:18} {cell('area'):28} {r['beside plain']['area']:6} {cell('final'):28} {r['beside plain']['final']:6} "
              f"{' '.join(r['settings'])} (best of {r['tried']})")
    if args.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
