"""Who runs next."""

from __future__ import annotations

import random


class RandomWalk:
    """Anybody, each as likely as the other."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def created(self, task):
        """A thread was started."""

    def pick(self, able):
        """One of those that can run."""
        return able[int(self.random.random() * len(able))]


class Priorities:
    """Probabilistic concurrency testing: the first by random priorities, of which a few are lowered midway.

    With n threads and k steps, a fault that needs `depth` orderings is found with a chance of at least one in
    n * k**(depth - 1) (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding
    Bugs", ASPLOS 2010).
    """

    def __init__(self, seed, depth, steps):
        self.random = random.Random(seed)
        self.lowered_at = {self.random.randrange(steps): -level for level in range(1, depth)}
        self.priority = {}
        self.step = 0
        self.fair_from = 10 * steps

    def created(self, task):
        """A thread was started."""
        self.priority[task] = self.random.random()

    def pick(self, able):
        """The first of those that can run; much later anybody, lest one starves for ever."""
        if self.step > self.fair_from:
            return able[int(self.random.random() * len(able))]
        first = max(able, key=self.priority.__getitem__)
        if self.step in self.lowered_at:
            self.priority[first] = self.lowered_at[self.step]
            first = max(able, key=self.priority.__getitem__)
        self.step += 1
        return first
