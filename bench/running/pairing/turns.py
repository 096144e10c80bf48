"""The order of a comparison: both sides of a case next to each other, in an order drawn by lot."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bench.cases.case import Case, Role
from bench.running.allocation import alike, allocated_for
from bench.running.attempts import Attempts, preparation
from bench.running.pace import pace_of
from bench.running.pairing.pairs import Pair
from bench.running.pairing.taken import Taken
from bench.running.step import Step
from bench.running.work import Progress, Task, Turn, Work
from bench.sides.servers import Servers, together
from bench.store.allocated import Allocation

FindSuspects = Callable[[Sequence[Pair], str], list[Pair]]  # for which stage
FindUnexcluded = Callable[[Sequence[Pair]], list[Pair]]


class PairedSchedule:
    """Prepares both sides, times all pairs, then the suspects among them again, in one session.

    A few pairs clear most suspects; those that stay are confirmed.

    Where slowdowns have to be excluded, pairs that may still be slower go on from one of `looks`
    (numbers of pairs) to the next. Where profiles are asked for, the suspects get one on either
    side, after all that is timed. A turn is what is done without a break: in a round, the attempts
    of both sides on one pair. What earlier sessions have done is not done again.
    """

    def __init__(
        self,
        sides: tuple[Attempts, Attempts],
        pairs: list[Pair],
        find_suspects: FindSuspects,
        confirm_pairs: int,
        progress: Progress,
        find_unexcluded: FindUnexcluded | None = None,
        looks: Sequence[int] = (),
        look_pairs: int = 0,
    ):
        self.sides, self.pairs = sides, pairs
        self.find_suspects, self.confirm_pairs = find_suspects, confirm_pairs
        self.find_unexcluded, self.looks, self.look_pairs = find_unexcluded, looks, look_pairs
        manifest = sides[0].run.manifest
        self.seed, self.first_rounds = manifest.seed, manifest.checkpoints[0]
        budget = manifest.budget_s
        self.deadline = time.monotonic() + budget if budget is not None else float("inf")
        for side in sides:
            side.deadline = self.deadline
        self.stage = "preparation"
        self.timing_began = self.timing_ended = float("inf")
        self._suspects: list[Pair] = []
        self._pace = pace_of(sides[0].run)
        self._work = Work(sides, self._pace, progress, self.deadline)

    def execute(self) -> str:
        """Do all of it; return `finished` or `budget`."""
        stages = (self._prepare, self._first, self._look, self._confirm, self._exclude)
        return "finished" if all(stage() for stage in (*stages, self._profile)) else "budget"

    def _prepare(self) -> bool:
        """Check, and measure memory and quality of, every case of both sides.

        Which side comes first is drawn by lot: who compiles first finds colder files.
        """
        lot, taken = random.Random(f"{self.seed}-preparation"), self._taken()
        todo: list[Task] = [
            (side, Step(case, role, seed))
            for pair in self.pairs
            for side, case in _shuffled(_both(pair), lot)
            for role, seed in preparation(case)
            if not taken.has(side, Step(case, role, seed))
        ]
        later, starts = self._timed(self.pairs, self.first_rounds), lot.choice(((0, 1), (1, 0)))
        with self._servers([todo], starts) as servers:
            return self._work.untimed(servers, todo, later)

    def _first(self) -> bool:
        self.stage, self.timing_began = "first", time.monotonic()
        self._refit()
        for number in range(self.first_rounds):
            later = self._timed(self.pairs, self.first_rounds, number + 1)
            if not self._round(self.pairs, number, later):
                return False
        return True

    def _look(self) -> bool:
        """Measure the suspects again, a few times: most were chance."""
        if not self.look_pairs:
            return True
        suspects = self._find_suspects("look")
        self.stage = "look"
        return self._again(suspects, self.first_rounds, self.look_pairs)

    def _confirm(self) -> bool:
        """Measure those that stay suspects afresh, as often as it takes to judge them."""
        suspects = self._find_suspects("confirm")
        self.stage, self._suspects = "confirm", suspects  # chosen once, and then written down
        begin = self.first_rounds + self.look_pairs
        return self._again(self._suspects, begin, self.confirm_pairs)

    def _find_suspects(self, stage: str) -> list[Pair]:
        return self.find_suspects([pair for pair in self.pairs if self._sound(pair)], stage)

    def _again(self, suspects: list[Pair], begin: int, pairs: int) -> bool:
        """Time suspects alone, in rounds of their own from number `begin`."""
        for number in range(pairs if suspects else 0):
            later = suspects * (pairs - number - 1)
            attempts: list[tuple[Case, Role]] = [(c, "time") for p in later for _, c in _both(p)]
            if not self._round(suspects, begin + number, attempts, confirming=True):
                return False
        return True

    def _exclude(self) -> bool:
        """Measure what may be slower by more than is allowed, from one look at it to the next."""
        begin = self.first_rounds + self.look_pairs + self.confirm_pairs
        number = self._taken().next_number(begin)
        done = self._done_so_far()
        for look in self.looks if self.find_unexcluded else ():
            assert self.find_unexcluded is not None
            self.stage = "exclude"
            open_ = self.find_unexcluded([pair for pair in self.pairs if self._sound(pair)])
            while due := [pair for pair in open_ if done[pair.name] < look]:
                attempts: list[tuple[Case, Role]] = [(c, "time") for p in due for _, c in _both(p)]
                if not self._round(due, number, attempts, confirming=True):
                    return False
                number += 1
                done.update((pair.name, done[pair.name] + 1) for pair in due)
        return True

    def _done_so_far(self) -> dict[str, int]:
        """Return how many rounds both sides of a pair have together, in all sessions, by name."""
        taken = self._taken()
        return {pair.name: len(taken.places(_both(pair))) for pair in self.pairs}

    def _profile(self) -> bool:
        """Profile the suspects, where that was asked for: what a change is put down to."""
        self.timing_ended = time.monotonic()
        asked, taken = self._suspects if self.sides[0].run.manifest.profile else [], self._taken()
        steps = [[(side, Step(case, "profile", 0)) for side, case in _both(p)] for p in asked]
        turns = [[(s, step) for s, step in turn if not taken.has(s, step)] for turn in steps]
        return self._serve(turns, [], (0, 1))

    def _round(
        self,
        pairs: list[Pair],
        number: int,
        later: list[tuple[Case, Role]],
        confirming: bool = False,
    ) -> bool:
        """Time the pairs once each that have not been so far; every order is drawn by lot."""
        lot, taken = random.Random(f"{self.seed}-{number}"), self._taken()
        turns = []
        for pair in lot.sample(pairs, len(pairs)):
            asked = self._asked(pair, number, confirming)
            places = taken.places([(s, c) for s, c in asked if self._runs(s, c)])
            if number not in (round_ for _, round_ in places):
                turns.append(self._turn(asked, number, lot))
        return self._serve(turns, later, lot.choice(((0, 1), (1, 0))))

    def _asked(self, pair: Pair, number: int, confirming: bool) -> list[tuple[int, Case]]:
        """Return the cases of a pair that a round times, each with its side."""
        return [
            (side, case)
            for side, case in _both(pair)
            if confirming or number < case.most_rounds(self.first_rounds)
        ]

    def _turn(self, sides: list[tuple[int, Case]], number: int, lot: random.Random) -> Turn:
        """Return the processes of a round: both sides next to each other, time and again."""
        forks = max((self.sides[side].allocation(case).forks for side, case in sides), default=0)
        return [
            (side, Step(case, "time", number, process))
            for process in range(forks)
            for side, case in _shuffled(sides, lot)
        ]

    def _serve(
        self, turns: list[Turn], later: list[tuple[Case, Role]], starts: tuple[int, int]
    ) -> bool:
        """Do the turns with fresh servers on both sides; False where the budget ended."""
        turns = [turn for turn in turns if any(self._runs(side, step.case) for side, step in turn)]
        if not turns:
            return True
        with self._servers(turns, starts) as servers:
            return self._work.in_turn(servers, turns, later)

    @contextmanager
    def _servers(self, turns: list[Turn], starts: tuple[int, int]) -> Iterator[Sequence[Servers]]:
        """Start fresh servers for what is to be done, one side's first; end them afterwards."""
        wanted = []
        for number, side in enumerate(self.sides):
            own = [step for turn in turns for of, step in turn if of == number]
            wanted.append(side.servers([s.case for s in own if side.goes_on(s.case, s.role)]))
        with together(*(wanted[side] for side in starts)):
            yield wanted

    def _timed(self, pairs: list[Pair], rounds: int, done: int = 0) -> list[tuple[Case, Role]]:
        return [
            (case, "time")
            for pair in pairs
            for side, case in _both(pair)
            if self._runs(side, case)
            for _ in range(done, case.most_rounds(rounds))
        ]

    def _refit(self) -> None:
        """Shorten both sides' share where preparation showed that the first stage would not fit.

        Then deal it out among processes, alike on both sides of a pair.
        """
        left_s = (
            self.deadline - time.monotonic() - 2 * self.first_rounds * self._pace.server_start_s
        )
        timed = self._timed(self.pairs, self.first_rounds)
        self._pace.share_s = self._pace.fitting_share_s(timed, left_s)
        for side in self.sides:
            side.share_s = self._pace.share_s
        ways = self._allocated(0), self._allocated(1)
        ids = [(pair.a.id, pair.b.id) for pair in self.pairs if pair.a and pair.b]
        for side, own in zip(self.sides, alike(*ways, ids), strict=True):
            side.allocate(own)

    def _allocated(self, number: int) -> dict[str, Allocation]:
        cases = [case for pair in self.pairs for s, case in _both(pair) if s == number]
        return allocated_for(self.sides[number], cases, self._pace)

    def _taken(self) -> Taken:
        return Taken((self.sides[0].run, self.sides[1].run))

    def _runs(self, side: int, case: Case) -> bool:
        return case.id not in self.sides[side].failed

    def _sound(self, pair: Pair) -> bool:
        return pair.whole and all(self._runs(side, case) for side, case in _both(pair))


def _shuffled(both: list[tuple[int, Case]], lot: random.Random) -> list[tuple[int, Case]]:
    return lot.sample(both, len(both))


def _both(pair: Pair) -> list[tuple[int, Case]]:
    return [(side, case) for side, case in enumerate((pair.a, pair.b)) if case]
