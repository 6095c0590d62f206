"""Proximal policy optimisation on CartPole with Stable-Baselines3: the peer that ppo.py times.

The sizes are those of the preset ppo-cartpole. Environments run in this process, which is the fastest way for CartPole. A whole training of
500,000 steps takes more than a minute, so fewer are the default: the rate does not change with their number, the score does.

    python ppo_sb3.py [--envs 4] [--total 50000] [--seed 1]

The last line of standard output is one JSON object.
"""

import argparse
import json
import time

import torch
from stable_baselines3 import PPO, __version__
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--envs", type=int, default=4)
    p.add_argument("--steps", type=int, default=128)
    p.add_argument("--epochs", type=int, default=4)
    p.add_argument("--minibatches", type=int, default=4)
    p.add_argument("--total", type=int, default=50_000)
    p.add_argument("--lr", type=float, default=2.5e-4)
    p.add_argument("--episodes", type=int, default=20, help="greedy episodes of the score")
    p.add_argument("--threads", type=int, default=1, help="threads of PyTorch; nets this small are slower with more")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    model = PPO(
        "MlpPolicy", make_vec_env("CartPole-v1", n_envs=args.envs, seed=args.seed), device="cpu", seed=args.seed,
        n_steps=args.steps, n_epochs=args.epochs, batch_size=args.envs * args.steps // args.minibatches,
        learning_rate=lambda left: args.lr * left, gamma=0.99, gae_lambda=0.95, clip_range=0.2, clip_range_vf=0.2,
        ent_coef=0.01, vf_coef=0.5, max_grad_norm=0.5, policy_kwargs={"net_arch": {"pi": [64, 64], "vf": [64, 64]}, "activation_fn": torch.nn.Tanh},
    )
    began = time.perf_counter()
    model.learn(args.total)
    train_s = time.perf_counter() - began
    score, _ = evaluate_policy(model, make_vec_env("CartPole-v1", n_envs=1, seed=10_000 + args.seed), n_eval_episodes=args.episodes)
    print(json.dumps({
        "steps": model.num_timesteps, "train_s": train_s, "steps_per_s": model.num_timesteps / train_s, "score": float(score),
        "stable_baselines3": __version__, "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
