"""Adversarial imitation with the Python package imitation, with the settings of its tutorial on GAIL; see gail.py.

Prints one JSON object: seconds of training, steps, mean return of 100 greedy episodes.
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
    began = time.perf_counter()
    trainer.train(args.total)
    train = time.perf_counter() - began
    mean, _ = evaluate_policy(learner, make_vec_env("seals:seals/CartPole-v0", rng=rng, n_envs=8), 100)
    print(json.dumps({"score": float(mean), "train_s": train, "setup_s": imports, "steps": int(learner.num_timesteps), "trajectories": len(trajectories)}))


if __name__ == "__main__":
    main()
