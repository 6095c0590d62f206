"""Adversarial imitation with the Python package imitation, with the settings of its tutorial on GAIL; see gail.py.

Prints one JSON object: seconds of training, steps, mean return of 100 greedy episodes. With --until it is also evaluated after every round, off the
clock, over 24 episodes; when their mean and that of 100 are so high, it stops. eval_s are the seconds of all evaluations.
"""

import argparse
import json
import time

start = time.perf_counter()

import gymnasium as gym
import numpy as np
import torch
from imitation.algorithms.adversarial.gail import GAIL
from imitation.data import types
from imitation.rewards.reward_nets import BasicRewardNet
from imitation.util.networks import RunningNorm
from imitation.util.util import make_vec_env
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.ppo import MlpPolicy


class Reached(Exception):
    """The mean return is as high as asked for."""


def demonstrations(path):
    """The package's own rollouts, from their arrays: nothing is unpickled."""
    with np.load(path, allow_pickle=False) as f:
        ends = f["indices"]
        acts = np.split(f["acts"], ends)
        # Observations of a trajectory are one more than its actions.
        obs = np.split(f["obs"], ends + np.arange(1, len(ends) + 1))
        return [types.Trajectory(obs=o, acts=a, infos=None, terminal=bool(t)) for o, a, t in zip(obs, acts, f["terminal"])]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("demos", help="imitation's tests/testdata/expert_models/cartpole_0/rollouts/final.npz")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--total", type=int, default=81_920)
    p.add_argument("--until", type=float, help="stop at this mean return")
    args = p.parse_args()
    trajectories = demonstrations(args.demos)
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    venv = make_vec_env("seals:seals/CartPole-v0", rng=rng, n_envs=8)
    learner = PPO(env=venv, policy=MlpPolicy, batch_size=64, ent_coef=0.0, learning_rate=0.0004, gamma=0.95, n_epochs=5, seed=args.seed)
    net = BasicRewardNet(venv.observation_space, venv.action_space, normalize_input_layer=RunningNorm)
    trainer = GAIL(demonstrations=trajectories, demo_batch_size=1024, gen_replay_buffer_capacity=512, n_disc_updates_per_round=8,
                   venv=venv, gen_algo=learner, reward_net=net)
    imports = time.perf_counter() - start
    greedy = make_vec_env("seals:seals/CartPole-v0", rng=rng, n_envs=8)
    evals, scores = [], []

    def evaluate(episodes=100):
        asked = time.perf_counter()
        scores.append(float(evaluate_policy(learner, greedy, episodes)[0]))
        evals.append(time.perf_counter() - asked)
        return scores[-1]

    def look(_round):
        if evaluate(24) >= args.until and evaluate() >= args.until:
            raise Reached

    began = time.perf_counter()
    try:
        trainer.train(args.total, callback=None if args.until is None else look)
        train = time.perf_counter() - began - sum(evals)
        evaluate()
    except Reached:
        train = time.perf_counter() - began - sum(evals)
    print(json.dumps({"score": scores[-1], "scores": scores, "train_s": train, "setup_s": imports, "eval_s": evals,
                      "steps": int(learner.num_timesteps), "trajectories": len(trajectories)}))


if __name__ == "__main__":
    main()
