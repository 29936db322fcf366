"""Every path of unmodified Python over z3 terms.

The function to be explored gets terms for values (`proxies.py`). It computes with them as with any value,
until Python needs a plain truth: `if`, `and`, `any`. There `decide` is asked. Where the facts leave only one
answer, that is given. Where they leave two, the path forks: one answer is given now, and the function is run
again, from its beginning, with the same answers up to there and then the other one. So the runs are the
leaves of a tree, explored depth first; there are no bytecodes to interpret and no states to save. What is
explored must only do the same again when it is run again.

All facts and answers of the present path are in one z3 solver, a level for each answer. What is claimed at
the end of a path is proved when the solver finds no model of the path in which it is false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import z3

from specs.proof.logic import EFFORT, forget, is_term, made_once, term_of


class ContradictionError(BaseException):
    """The facts exclude this path. Not an `Exception`: the explored code must not catch it."""


class Fork:
    """A question that Python asked on the present path."""

    __slots__ = ("answer", "condition", "other")

    def __init__(self, condition: Any, *, answer: bool, other: Any) -> None:
        self.condition = condition
        self.answer = answer
        self.other = other  # a model of the opposite answer, if that is possible and was not tried yet


class Paths:
    """An explorer. `Paths.current` is the one that is at work."""

    current: Paths

    def __init__(self) -> None:
        self.paths = self.queries = 0
        self._forks: list[Fork] = []
        self._asked = 0  # of the forks, how many this run has come past
        self._model: Any = None  # of the present path, if one is at hand
        self._facts: list[Any] = []  # kept, so that their addresses stay theirs
        self._known: set[int] = set()

    @property
    def is_first(self) -> bool:
        """Whether this is the first run: only then facts need be stated."""
        return not self._forks

    def explore(self, run: Callable[[], Any]) -> Iterator[Any]:
        """Yield what `run` returns, for each of its paths; `refute` and `model` speak of that path then."""
        self._solver = z3.SolverFor("QF_LIA")
        self._solver.set("rlimit", EFFORT)
        self._forks, self._model, self._facts, self._known = [], None, [], set()
        forget()
        while True:
            Paths.current, self._asked = self, 0
            try:
                result = run()
            except ContradictionError:
                pass
            else:
                self.paths += 1
                yield result
            if not self._turn_back():
                return

    def assume(self, facts: Iterable[Any]) -> None:
        """State what is true on all paths; before the first question."""
        if self.is_first:
            self._facts = [_term(fact) for fact in facts]
            self._known = {fact.ast.value for fact in self._facts}
            self._solver.add(*self._facts)
            self._model = None

    def decide(self, condition: Any) -> bool:
        """Python's truth of a term on the present path."""
        condition = made_once(_simplified, condition)
        if isinstance(condition, bool):
            return condition
        self._asked += 1
        if self._asked <= len(self._forks):
            return self._forks[self._asked - 1].answer
        answer = z3.is_true(self.model().eval(condition, model_completion=True))
        other = self._check(z3.Not(condition) if answer else condition)
        self._answer(Fork(condition, answer=answer, other=other))
        return answer

    def model(self) -> Any:
        """Values for which the present path is taken."""
        if self._model is None:
            self._model = self._check()
        if self._model is None:
            raise ContradictionError
        return self._model

    def refute(self, claims: Iterable[tuple[str, Any]]) -> tuple[str, Any] | None:
        """The first claim that is not true on all of this path, with a model in which it is false."""
        terms = [(name, _term(claim)) for name, claim in claims if not self._is_known(claim)]
        if self._check(z3.Not(z3.And(*(term for _, term in terms)))) is None:
            return None
        for name, term in terms:
            against = self._check(z3.Not(term))
            if against is not None:
                return name, against
        raise AssertionError("a conjunction is false, and each of its parts is true")

    def _is_known(self, claim: Any) -> bool:
        """Whether it is one of the facts, word for word: most claims speak of what did not change."""
        return claim is True or (is_term(claim) and term_of(claim).ast.value in self._known)

    def _answer(self, fork: Fork) -> None:
        self._solver.push()
        self._solver.add(fork.condition if fork.answer else z3.Not(fork.condition))
        self._forks.append(fork)

    def _turn_back(self) -> bool:
        """To the last fork whose other answer was not tried yet."""
        while self._forks:
            fork = self._forks.pop()
            self._solver.pop()
            if fork.other is not None:
                self._model = fork.other
                self._answer(Fork(fork.condition, answer=not fork.answer, other=None))
                return True
        return False

    def _check(self, *more: Any) -> Any:
        """A model, or None if there is none."""
        self.queries += 1
        verdict = self._solver.check(*more)
        if verdict == z3.unknown:
            raise RuntimeError(f"z3 does not know: {self._solver.reason_unknown()}")
        return self._solver.model() if verdict == z3.sat else None


def _simplified(condition: Any) -> Any:
    """A plain truth, if that is all there is to it."""
    simple = z3.simplify(condition)
    return z3.is_true(simple) if z3.is_true(simple) or z3.is_false(simple) else simple


def _term(claim: Any) -> Any:
    return z3.BoolVal(claim) if isinstance(claim, bool) else term_of(claim)
