"""Proximal policy optimisation on CartPole as one compiled JAX program: the peer that ppo.py times.

Environment, policy, advantages and updates are in one jit, a scan over updates with scans over steps, epochs and minibatches inside. The
algorithm is that of the preset ppo-cartpole, number for number: two tanh nets of 64-64, orthogonal weights, GAE that bootstraps from the last
observation of a truncated episode, advantages standardised in each minibatch, clipped policy and value losses, a gradient of length 0.5 at most,
and Adam, over one flat vector, with a step size that falls to 0.

    python ppo_jax.py [--envs 4] [--total 500000] [--seed 1]

The last line of standard output is one JSON object.
"""

import argparse
import json
import math
import os
import time

# A CPU runs small programs faster in order than side by side. rewardlab sets the same flag.
os.environ["XLA_FLAGS"] = (os.environ.get("XLA_FLAGS", "") + " --xla_cpu_enable_concurrency_optimized_scheduler=false").strip()

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

HORIZON = 500
TILT = 12 * math.pi / 180
SIZES = [(4, 64), (64, 64), (64, 2), (4, 64), (64, 64), (64, 1)]  # of the actor's layers, then of the critic's


def fresh(key, n):
    """n states: position, its speed, angle, its speed, and the steps so far."""
    start = jax.random.uniform(key, (n, 4), minval=-0.05, maxval=0.05)
    return jnp.concatenate([start, jnp.zeros((n, 1))], 1)


def step(key, state, action):
    x, v, angle, spin, steps = state.T
    force = jnp.where(action == 1, 10.0, -10.0)
    sin, cos = jnp.sin(angle), jnp.cos(angle)
    push = (force + 0.05 * spin**2 * sin) / 1.1
    turn = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 / 1.1 * cos**2))
    pull = push - 0.05 / 1.1 * turn * cos
    moved = jnp.stack([x + 0.02 * v, v + 0.02 * pull, angle + 0.02 * spin, spin + 0.02 * turn, steps + 1], 1)
    terminated = (jnp.abs(moved[:, 0]) > 2.4) | (jnp.abs(moved[:, 2]) > TILT)
    truncated = (moved[:, 4] >= HORIZON) & ~terminated
    over = terminated | truncated
    state = jnp.where(over[:, None], fresh(key, len(state)), moved)
    return state, moved[:, :4], jnp.ones(len(state)), terminated, truncated


def initial(seed):
    r = np.random.default_rng(seed)
    parts = []
    for k, (a, b) in enumerate(SIZES):
        q, s = np.linalg.qr(r.standard_normal((max(a, b), min(a, b))))
        q = q * np.sign(np.diag(s))
        gain = {2: 0.01, 5: 1.0}.get(k, math.sqrt(2))
        parts += [(gain * (q if a >= b else q.T)).ravel(), np.zeros(b)]
    return jnp.asarray(np.concatenate(parts), jnp.float32)


def split(theta):
    layers, at = [], 0
    for a, b in SIZES:
        layers.append((theta[at : at + a * b].reshape(a, b), theta[at + a * b : at + a * b + b]))
        at += a * b + b
    return layers[:3], layers[3:]


def net(layers, x):
    for w, b in layers[:-1]:
        x = jnp.tanh(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def logits(theta, x):
    return net(split(theta)[0], x)


def value(theta, x):
    return net(split(theta)[1], x)[:, 0]


def logprob(out, action):
    return jnp.take_along_axis(jax.nn.log_softmax(out), action[:, None], 1)[:, 0]


def make_train(args):
    size = args.envs * args.steps // args.minibatches
    updates = args.total // (args.envs * args.steps)

    def play(theta, carry, key):
        def one(carry, key):
            state, earned = carry
            draw, reset = jax.random.split(key)
            obs = state[:, :4]
            out = logits(theta, obs)
            action = jax.random.categorical(draw, out)
            state, final, reward, terminated, truncated = step(reset, state, action)
            earned = earned + reward
            over = terminated | truncated
            told = jnp.stack([jnp.sum(over), jnp.sum(jnp.where(over, earned, 0))])
            return (state, jnp.where(over, 0, earned)), (obs, action, logprob(out, action), reward, terminated, over, final, told)

        return lax.scan(one, carry, jax.random.split(key, args.steps))

    def advantages(theta, obs, final, reward, terminated, over):
        v, after = value(theta, obs.reshape(-1, 4)).reshape(reward.shape), value(theta, final.reshape(-1, 4)).reshape(reward.shape)
        delta = reward + args.gamma * jnp.where(terminated, 0, after) - v

        def back(later, x):
            d, done = x
            now = d + args.gamma * args.lam * jnp.where(done, 0, later)
            return now, now

        _, adv = lax.scan(back, jnp.zeros(args.envs), (delta, over), reverse=True)
        return v, adv

    def loss(theta, b):
        obs, action, old, old_value, adv, target = b
        adv = (adv - adv.mean()) / jnp.sqrt(adv.var(ddof=1) + 1e-12)
        actor, critic = split(theta)
        pi = jax.nn.log_softmax(net(actor, obs))
        logp = jnp.take_along_axis(pi, action[:, None], 1)[:, 0]
        ratio = jnp.exp(logp - old)
        policy = -jnp.minimum(ratio * adv, jnp.clip(ratio, 1 - args.clip, 1 + args.clip) * adv).mean()
        v = net(critic, obs)[:, 0]
        near = old_value + jnp.clip(v - old_value, -args.clip, args.clip)
        values = 0.5 * jnp.maximum((v - target) ** 2, (near - target) ** 2).mean()
        entropy = -(jnp.exp(pi) * pi).sum(1).mean()
        return policy + 0.5 * values - args.entropy * entropy

    def learn(learner, batch_and_rate):
        theta, m, v, t = learner
        batch, rate = batch_and_rate
        l, g = jax.value_and_grad(loss)(theta, batch)
        g = g * jnp.minimum(1, 0.5 / (jnp.sqrt((g**2).sum()) + 1e-6))
        t, m, v = t + 1, 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-5)
        return (theta, m, v, t), l

    def update(carry, i):
        learner, world, key = carry
        key, play_key, shuffle_key = jax.random.split(key, 3)
        theta = learner[0]
        world, (obs, action, logp, reward, terminated, over, final, told) = play(theta, world, play_key)
        v, adv = advantages(theta, obs, final, reward, terminated, over)
        rows = args.envs * args.steps
        flat = tuple(x.reshape((rows,) + x.shape[2:]) for x in (obs, action, logp, v, adv, adv + v))
        rate = args.lr * (1 - i / updates)

        def epoch(learner, key):
            order = jax.random.permutation(key, rows)
            shuffled = tuple(x[order].reshape((args.minibatches, size) + x.shape[1:]) for x in flat)
            return lax.scan(lambda s, b: learn(s, (b, rate)), learner, shuffled)

        learner, losses = lax.scan(epoch, learner, jax.random.split(shuffle_key, args.epochs))
        return (learner, world, key), (told.sum(0), losses.mean())

    def train(theta, key):
        key, start = jax.random.split(key)
        learner = (theta, jnp.zeros_like(theta), jnp.zeros_like(theta), jnp.float32(0))
        world = (fresh(start, args.envs), jnp.zeros(args.envs))
        (learner, _, _), told = lax.scan(update, (learner, world, key), jnp.arange(updates))
        return learner[0], told

    return train, updates


def examine(theta, key):
    """The return of 100 greedy episodes."""

    def one(carry, key):
        state, alive, earned = carry
        action = jnp.argmax(logits(theta, state[:, :4]), 1)
        state, _, reward, terminated, truncated = step(key, state, action)
        return (state, alive & ~(terminated | truncated), earned + reward * alive), None

    start = (fresh(key, 100), jnp.ones(100, bool), jnp.zeros(100))
    return lax.scan(one, start, jax.random.split(key, HORIZON))[0][2].mean()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--envs", type=int, default=4)
    p.add_argument("--steps", type=int, default=128)
    p.add_argument("--epochs", type=int, default=4)
    p.add_argument("--minibatches", type=int, default=4)
    p.add_argument("--total", type=int, default=500_000)
    p.add_argument("--lr", type=float, default=2.5e-4)
    p.add_argument("--gamma", type=float, default=0.99)
    p.add_argument("--lam", type=float, default=0.95)
    p.add_argument("--clip", type=float, default=0.2)
    p.add_argument("--entropy", type=float, default=0.01)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    train, updates = make_train(args)
    theta, key = initial(args.seed), jax.random.PRNGKey(args.seed)
    began = time.perf_counter()
    compiled = jax.jit(train).lower(theta, key).compile()
    compile_s = time.perf_counter() - began
    began = time.perf_counter()
    theta, (told, losses) = jax.block_until_ready(compiled(theta, key))
    train_s = time.perf_counter() - began
    steps = updates * args.envs * args.steps
    ended = np.asarray(told)[-max(1, updates // 20) :].sum(0)
    print(json.dumps({
        "steps": steps, "compile_s": compile_s, "train_s": train_s, "steps_per_s": steps / train_s,
        "score": float(jax.jit(examine)(theta, jax.random.PRNGKey(10_000 + args.seed))),
        "last_return": float(ended[1] / max(ended[0], 1)), "jax": jax.__version__, "device": jax.devices()[0].device_kind,
    }))


if __name__ == "__main__":
    main()
