"""The meta-gradient of rl/lirpg once more, in JAX: python lirpg_jax.py > ../lirpg/testdata/jax.json

Made with jax 0.10.2 in float64. The parameters and the batch are sines, so that both sides make the same ones. Advantages go through the matrix of
coefficients (gamma lambda)^(i-t), cut where an episode ends, which the Go side never builds.
"""

import json

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
T, N, HIDDEN, C_IN, EX_WEIGHT = 6, 3, 5, 0.5, 0.5


def sines(n, step, scale):
    return scale * jnp.sin(step * jnp.arange(1, n + 1))


def cut(flat, shapes):
    out, at = [], 0
    for s in shapes:
        size = 1
        for d in s:
            size *= d
        out.append(flat[at : at + size].reshape(s))
        at += size
    return out


def mlp(n_in, n_out):
    return [(n_in, HIDDEN), (HIDDEN,), (HIDDEN, n_out), (n_out,)]


def apply(p, x):
    return jnp.tanh(x @ p[0] + p[1]) @ p[2] + p[3]


def case(obs, actions, ppo, optimizer, max_norm, rate, exact):
    continuous = actions == 0
    out = 1 if continuous else actions
    agent = mlp(obs, out) + mlp(obs, 1) + ([(1,)] if continuous else [])
    motive = mlp(obs + 1, 1) + mlp(obs, 1) if continuous else mlp(obs, actions) + mlp(obs, 1)
    size = lambda shapes: sum(int(jnp.prod(jnp.array(s))) for s in shapes)
    theta, eta = sines(size(agent), 0.7, 0.4), sines(size(motive), 1.3, 0.4)
    m, v, t = sines(size(agent), 0.9, 0.1), sines(size(agent), 1.1, 0.1) ** 2 + 1e-3, 3.0

    # Environment by environment, step by step: observation, action, log-probability, value, base, decay, and the three of extrinsic reward.
    width = obs + 1 + 7
    rows = sines(N * T * width, 2.3, 1.0).reshape(N, T, width)
    x, action = rows[..., :obs], rows[..., obs]
    if not continuous:
        action = (action > 0).astype(int)
    old, value, base = 0.15 * rows[..., obs + 1] - 0.7, rows[..., obs + 2], rows[..., obs + 3]
    decay = jnp.where(rows[..., obs + 4] > 0.7, 0.0, 0.9)
    ex_adv, ex_value, ex_target = rows[..., obs + 5], rows[..., obs + 6], rows[..., obs + 7]

    # coefficient[n, t, i] is how much reward i counts in the advantage at t
    coefficient = jnp.stack([
        jnp.array([[0.0 if i < k else float(jnp.prod(decay[n, k:i])) for i in range(T)] for k in range(T)]) for n in range(N)])
    standardise = (lambda a: (a - a.mean()) / jnp.sqrt(a.var(ddof=1) + 1e-12)) if ppo else (lambda a: a)

    def logp(theta):
        p = cut(theta, agent)
        y = apply(p[:4], x)
        if continuous:
            s = p[8][0]
            return -0.5 * ((action - y[..., 0]) * jnp.exp(-s)) ** 2 - s - 0.5 * jnp.log(2 * jnp.pi)
        return jnp.take_along_axis(jax.nn.log_softmax(y), action[..., None], -1)[..., 0]

    def surrogate(lp, a):
        r = jnp.exp(lp - old)
        return -jnp.mean(jnp.minimum(r * a, jnp.clip(r, 0.8, 1.2) * a) if ppo else r * a)

    def regress(new, was, target):
        miss = (new - target) ** 2
        if ppo:
            miss = jnp.maximum(miss, (was + jnp.clip(new - was, -0.2, 0.2) - target) ** 2)
        return 0.5 * jnp.mean(miss)

    stop = jax.lax.stop_gradient

    def step(eta):
        e = cut(eta, motive)
        if continuous:
            pay = jnp.tanh(apply(e[:4], jnp.concatenate([x, action[..., None]], -1))[..., 0])
        else:
            pay = jnp.take_along_axis(jnp.tanh(apply(e[:4], x)), action[..., None], -1)[..., 0]
        adv = base + C_IN * jnp.einsum("nti,ni->nt", coefficient, pay)
        target = adv + value if exact else stop(adv + value)

        def loss(theta):
            critic = apply(cut(theta, agent)[4:8], x)[..., 0]
            return surrogate(logp(theta), standardise(adv)) + 0.5 * regress(critic, value, target)

        g = jax.grad(loss)(theta)
        g = g * jnp.minimum(max_norm / (jnp.linalg.norm(g) + 1e-6), 1.0)
        if optimizer == "rmsprop":
            return theta - rate * g / jnp.sqrt(v + 0.01 * (g**2 - v) + 1e-5)
        square = g**2 if exact else stop(g**2)
        mm, vv = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * square
        return theta - rate * (mm / (1 - 0.9 ** (t + 1))) / (jnp.sqrt(vv / (1 - 0.999 ** (t + 1))) + 1e-5)

    def outer(eta):
        critic = apply(cut(eta, motive)[4:8], x)[..., 0]
        return surrogate(logp(step(eta)), standardise(ex_adv)) + EX_WEIGHT * regress(critic, ex_value, ex_target)

    loss, grad = jax.value_and_grad(outer)(eta)
    return {"loss": float(loss), "grad": grad.tolist(), "next": step(eta).tolist()}


print(json.dumps({
    "ppo, adam": case(3, 0, True, "adam", 0.5, 0.1, False),
    "ppo, adam, exact": case(3, 0, True, "adam", 0.5, 0.1, True),
    "a2c, rmsprop, exact": case(4, 2, False, "rmsprop", 0.5, 0.1, True),
}))
