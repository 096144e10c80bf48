"""A comparison that goes on in a later session, with nothing measured: what is done and not."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bench.cases.case import Attempt
from bench.running.pairing import sitting
from bench.running.pairing.folder import Comparison
from bench.running.pairing.pairs import Pair, paired
from bench.running.pairing.taken import Taken
from bench.running.pairing.turns import PairedSchedule
from bench.running.step import Step
from bench.store import Manifest, Run
from bench.store.allocated import Allocation
from bench.store.paired import Contestant, Pairing
from tests.running.made_cases import case
from tests.running.made_sides import FakeSide, Silent
from tests.running.test_ab_schedule import CONFIRM, ROUNDS, both

LOOKS = (10, 20, 30)
PAIRS = [
    both("suspect"),
    both("plain"),
    both("excluded"),
    both("few", rounds=2),
    both("quality", rounds=0, quality_seeds=2),
    Pair(None, case("added")),
]
TAKEN = {"suspect": 30, "plain": 30, "excluded": ROUNDS, "few": 30, "quality": 0, "added": ROUNDS}


@dataclass
class Sitting:
    """Sessions over the same two runs, each of which may be interrupted before some attempt."""

    pairs: list[Pair] = field(default_factory=lambda: PAIRS)
    fails: tuple[str, ...] = ()
    forks: Allocation | None = None
    log: list[tuple[str, str, str, int]] = field(default_factory=list)
    num_sessions: int = 0

    def __post_init__(self) -> None:
        self.runs = self._run("a"), self._run("b")

    def _run(self, side: str) -> Run:
        cases = [c for pair in self.pairs if (c := getattr(pair, side))]
        manifest = Manifest([], "smoke", "cpu", 7, 0.1, [ROUNDS], cases, profile=True)
        return Run(Path(), manifest)

    def session(self, until: int | None = None) -> str:
        """Have a session; it is interrupted before attempt number `until` of all."""
        a, b = (
            Stops(x, self.log, run, fails, session=self.num_sessions, forks=self.forks, until=until)
            for x, run, fails in zip("AB", self.runs, ((), self.fails), strict=True)
        )
        self.num_sessions += 1
        schedule = PairedSchedule(
            (a, b),  # type: ignore[arg-type]
            self.pairs,
            lambda found, _: [p for p in found if p.a and p.a.variant == "suspect"],
            CONFIRM,
            Silent(),
            lambda found: [p for p in found if p.a and p.a.variant != "excluded" and p.a.timed],
            LOOKS,
        )
        try:
            return schedule.execute()
        except KeyboardInterrupt:
            return f"interrupted: {schedule.stage}"

    def taken(self) -> dict[str, int]:
        """Return the rounds that all sides of a pair have together, by variant."""
        found = Taken(self.runs)
        return {
            pair.name.split("/")[1]: len(
                found.places([(s, c) for s, c in enumerate((pair.a, pair.b)) if c])
            )
            for pair in self.pairs
        }

    def once(self) -> Counter[tuple[str, str, str, int]]:
        return Counter(entry for entry in self.log if entry[2] != "time")


@dataclass
class Stops(FakeSide):
    until: int | None = None

    def make(self, servers: object, step: Step) -> Attempt:
        if self.until is not None and len(self.log) >= self.until:
            raise KeyboardInterrupt
        return super().make(servers, step)  # type: ignore[arg-type]


WHOLE = Sitting()
WHOLE_ENDED = WHOLE.session()


def test_what_a_whole_one_takes() -> None:
    assert WHOLE_ENDED == "finished"
    assert WHOLE.taken() == TAKEN


@pytest.mark.parametrize("until", range(0, len(WHOLE.log), 7))
def test_it_goes_on_from_any_attempt_to_the_same_end(until: int) -> None:
    own = Sitting()
    assert own.session(until).startswith("interrupted")
    assert own.session() == "finished"
    assert own.taken() == TAKEN
    assert own.once() == WHOLE.once()
    assert 0 <= len(own.log) - len(WHOLE.log) <= 1  # half a pair, at most, was in vain


def test_every_stage_was_interrupted_there() -> None:
    ended = {Sitting().session(until) for until in range(0, len(WHOLE.log), 7)}
    stages = ("preparation", "first", "confirm", "exclude")
    assert ended == {f"interrupted: {stage}" for stage in stages}


@pytest.mark.parametrize("seed", range(8))
def test_it_goes_on_as_often_as_it_is_interrupted(seed: int) -> None:
    lot, own = random.Random(seed), Sitting(forks=Allocation(3, 0.03) if seed % 2 else None)
    while own.session(len(own.log) + lot.randrange(60)) != "finished":
        pass
    assert own.num_sessions > 3
    assert own.taken() == TAKEN
    assert own.once() == WHOLE.once()


def test_rounds_of_two_sessions_are_never_a_pair() -> None:
    own = Sitting([both("suspect"), both("plain")])
    while own.session(len(own.log) + 1) != "finished":  # one attempt each: of a pair always half
        if own.num_sessions > 30:
            break
    assert own.taken() == {"suspect": 0, "plain": 0}
    assert own.session() == "finished"
    assert own.taken() == {"suspect": 30, "plain": 30}


def test_what_has_died_stays_dead_and_its_other_side_goes_on() -> None:
    pairs = [both("dies"), both("plain")]
    whole = Sitting(pairs, fails=("dies",))
    whole.session()
    for until in range(0, len(whole.log), 5):
        own = Sitting(pairs, fails=("dies",))
        own.session(until)
        own.session()
        timed = Counter(entry[:2] for entry in own.log if entry[2] == "time")
        assert timed["B", "dies"] == 1
        assert timed["A", "dies"] in (ROUNDS, ROUNDS + 1)  # one of which may be half a pair
        assert own.taken()["plain"] == 30


def comparison(folder: Path, own: Sitting) -> Comparison:
    told = Pairing(
        *(["bench", "ab"], "revision", Contestant("main"), Contestant("."), 0, "smoke", "cpu"),
        *(ROUNDS, CONFIRM, 0.02),
    )
    return Comparison(folder, told, own.runs)


def test_suspects_are_chosen_once_and_a_stage_is_never_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = comparison(tmp_path, Sitting())
    monkeypatch.setattr(sitting, "find_suspects", lambda runs, pairs: pairs[:1])
    for stage in ("look", "confirm"):
        assert sitting._suspects(found, PAIRS[:4], stage) == PAIRS[:1]
        found.reach("preparation")
        assert found.pairing.stage == stage
    monkeypatch.setattr(sitting, "find_suspects", lambda runs, pairs: pairs[1:])
    for stage in ("look", "confirm"):
        assert sitting._suspects(found, PAIRS[:4], stage) == PAIRS[:1]
        assert sitting._suspects(found, PAIRS[1:4], stage) == []  # it has failed since
    found.reach("exclude")
    assert sitting._suspects(found, PAIRS[:4], "confirm") == PAIRS[:1]


def test_pairs_are_found_again_from_both_runs() -> None:
    a, b = (run.manifest.cases for run in Sitting().runs)
    again = paired("id", a, b)
    assert sorted(pair.name for pair in again) == sorted(pair.name for pair in PAIRS)
    ways = [replace(c, variant=f"other_{c.variant}") for c in a[:1]]
    assert paired("question", a[:1], ways) == [Pair(a[0], ways[0])]
