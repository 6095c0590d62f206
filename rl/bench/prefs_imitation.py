"""Preference comparisons of the imitation library on Pendulum: 50,000 steps, 200 comparisons. Prints one JSON object.

    python3 prefs_imitation.py --seed 1
"""

import argparse
import json
import time

import numpy as np
import gymnasium as gym
from imitation.algorithms import preference_comparisons as pc
from imitation.data.wrappers import RolloutInfoWrapper
from imitation.policies.base import FeedForward32Policy, NormalizeFeaturesExtractor
from imitation.rewards.reward_nets import BasicRewardNet
from imitation.util.networks import RunningNorm
from imitation.util.util import make_vec_env
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--steps", type=int, default=50_000)
    p.add_argument("--comparisons", type=int, default=200)
    a = p.parse_args()
    rng = np.random.default_rng(a.seed)
    venv = make_vec_env("Pendulum-v1", n_envs=8, rng=rng, post_wrappers=[lambda env, _: RolloutInfoWrapper(env)])
    net = BasicRewardNet(venv.observation_space, venv.action_space, normalize_input_layer=RunningNorm)
    model = pc.PreferenceModel(net)
    # The settings of the library's own tutorial on preference comparisons.
    agent = PPO(policy=FeedForward32Policy, policy_kwargs=dict(features_extractor_class=NormalizeFeaturesExtractor, features_extractor_kwargs=dict(normalize_class=RunningNorm)),
                env=venv, seed=a.seed, n_steps=2048 // venv.num_envs, batch_size=64, ent_coef=0.01, learning_rate=2e-3, clip_range=0.1, gae_lambda=0.95, gamma=0.97, n_epochs=10)
    generator = pc.AgentTrainer(algorithm=agent, reward_fn=net, venv=venv, exploration_frac=0.05, rng=rng)
    compare = pc.PreferenceComparisons(
        generator, net, num_iterations=5, fragmenter=pc.RandomFragmenter(warning_threshold=0, rng=rng), preference_gatherer=pc.SyntheticGatherer(rng=rng),
        reward_trainer=pc.BasicRewardTrainer(preference_model=model, loss=pc.CrossEntropyRewardLoss(), epochs=3, rng=rng),
        fragment_length=100, transition_oversampling=1, initial_comparison_frac=0.1, allow_variable_horizon=False, initial_epoch_multiplier=4, query_schedule="hyperbolic")
    start = time.perf_counter()
    compare.train(total_timesteps=a.steps, total_comparisons=a.comparisons)
    took = time.perf_counter() - start
    score, _ = evaluate_policy(agent.policy, gym.make("Pendulum-v1"), n_eval_episodes=50)
    print(json.dumps({"train_s": took, "steps_per_s": a.steps / took, "return": float(score)}))


if __name__ == "__main__":
    main()
