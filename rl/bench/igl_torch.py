"""Interaction-grounded learning on MNIST as a plain PyTorch loop: the peer that igl.py times.

The method, sizes and step size are those of the public notebook (a linear policy, a linear decoder, 32 exploit and 32 explore rounds an
iteration, one Adam at 5e-4 for both, 1,000 iterations over 10,000 images, here the first of the training set), with its style kept: one round at a time through small
tensors, since that is what a reader of the notebook runs. --batched draws the rounds of an iteration together, which is how one would write
it for speed in PyTorch.

    python igl_torch.py FOLDER_WITH_THE_IDX_FILES [--batched] [--iterations 1000] [--seed 1]

The last line of standard output is one JSON object.
"""

import argparse
import json
import time

import numpy as np
import torch


def read_idx(path, header):
    with open(path, "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def load(folder):
    labels = read_idx(f"{folder}/train-labels-idx1-ubyte", 8)[:10000]
    images = read_idx(f"{folder}/train-images-idx3-ubyte", 16).reshape(-1, 784)[:10000]
    return torch.tensor(images, dtype=torch.float32) / 255, torch.tensor(labels, dtype=torch.long)


class World:
    def __init__(self, folder):
        self.images, self.labels = load(folder)
        self.of = [torch.nonzero(self.labels == k).flatten() for k in (0, 1)]

    def context(self):
        i = torch.randint(len(self.labels), ()).item()
        return self.images[i], self.labels[i].item()

    def answer(self, right):
        pool = self.of[1 if right else 0]
        return self.images[pool[torch.randint(len(pool), ()).item()]]


def one_by_one(world, policy, decoder, rounds):
    """Both kinds of rounds of one iteration, one round at a time."""
    logps, answers, rewards, explored = [], [], [], []
    for _ in range(rounds):
        x, y = world.context()
        pi = torch.distributions.Categorical(torch.softmax(policy(x), -1))
        a = pi.sample()
        logps.append(pi.log_prob(a))
        rewards.append(float(a.item() == y))
        answers.append(world.answer(a.item() == y))
    for _ in range(rounds):
        x, y = world.context()
        explored.append(world.answer(torch.randint(10, ()).item() == y))
    decoded = torch.stack([torch.sigmoid(decoder(f)).squeeze() for f in answers])
    random = torch.stack([torch.sigmoid(decoder(f)).squeeze() for f in explored])
    return torch.stack(logps), decoded, random, np.mean(rewards)


def batched(world, policy, decoder, rounds):
    """The same, all rounds of an iteration together."""
    i = torch.randint(len(world.labels), (2 * rounds,))
    pi = torch.distributions.Categorical(logits=policy(world.images[i[:rounds]]))
    acted = pi.sample()
    a = torch.cat([acted, torch.randint(10, (rounds,))])
    right = a == world.labels[i]
    ones = world.of[1][torch.randint(len(world.of[1]), (2 * rounds,))]
    zeros = world.of[0][torch.randint(len(world.of[0]), (2 * rounds,))]
    psi = torch.sigmoid(decoder(world.images[torch.where(right, ones, zeros)])).squeeze(-1)
    return pi.log_prob(acted), psi[:rounds], psi[rounds:], right[:rounds].float().mean().item()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--iterations", type=int, default=1000)
    p.add_argument("--rounds", type=int, default=32)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--batched", action="store_true")
    args = p.parse_args()
    torch.manual_seed(args.seed)
    world = World(args.folder)
    policy, decoder = torch.nn.Linear(784, 10), torch.nn.Linear(784, 1)
    adam = torch.optim.Adam([*policy.parameters(), *decoder.parameters()], lr=5e-4)
    play = batched if args.batched else one_by_one
    history = []
    start = time.perf_counter()
    for _ in range(args.iterations):
        logp, decoded, random, reward = play(world, policy, decoder, args.rounds)
        advantage = (decoded - decoded.mean()) / (decoded.std() + 1e-10)
        loss = -(logp * advantage).mean() + random.mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        history.append(reward)
    seconds = time.perf_counter() - start
    print(json.dumps({"train_s": seconds, "score": float(np.mean(history[-100:]))}))


if __name__ == "__main__":
    main()
