"""What a comparison will spend, written down before anything is measured."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cases.counted import counted, rounds_asked
from bench.errors import UserError
from bench.health import layout
from bench.judging.limit import in_words
from bench.machine import facts as machine
from bench.running.allocation import asked_in_words
from bench.running.pace import Pace, pace_here
from bench.running.pairing.contenders import Contender
from bench.running.pairing.copies import instrument_digest
from bench.running.pairing.folder import LETTERS, Comparison
from bench.running.pairing.judged import judged_quantities, limits_here
from bench.running.pairing.listed import Asked
from bench.running.pairing.pairs import Matched
from bench.running.progress import clock_time
from bench.running.stopping import EFFORTS, Effort, estimate_s, fit
from bench.sides.checkout import hidden, publishable
from bench.store import Manifest, create_at, new_folder
from bench.store.paired import Contestant, Pairing
from bench.store.trust import seal_sides

_FIRST_ROUNDS = 5  # of any preset: what the rule was proven with; suspects get pairs of their own
_FIRST_STAGE_SHARE = 0.7  # of a budget; the rest is for what must be confirmed


@dataclass(frozen=True)
class Wanted:
    """How much of it the user wants; None: as much as the rule and the preset say."""

    rounds: int | None = None
    confirm_pairs: int | None = None
    margin: float | None = None
    seed: int | None = None
    timeout_s: float = 120.0
    budget_s: float | None = None
    profile: bool = False
    at_most: float | str | None = None


@dataclass(frozen=True)
class Plan:
    """Both contenders, their pairs of cases, and what is spent on them."""

    both: tuple[Contender, Contender]
    matched: Matched
    effort: Effort
    pairing: Pairing
    wanted: Wanted

    @property
    def num_pairs(self) -> int:
        return sum(pair.whole for pair in self.matched.pairs)

    def in_words(self) -> str:
        """Say in a line what will be done, and how long it takes."""
        alone = len(self.matched.pairs) - self.num_pairs
        cases = [*self.matched.cases(0), *self.matched.cases(1)]
        seconds = estimate_s(cases, self.effort, pace := _pace(self.effort))
        processes = asked_in_words(cases, self.matched.device, self.effort, pace)
        return (
            f"{self.both[0].name} against {self.both[1].name}: "
            f"{counted(self.num_pairs, 'pair')} of cases"
            + (f", {counted(alone, 'case')} on one side alone" if alone else "")
            + f", on {self.matched.device}; {rounds_asked(cases, self.effort.checkpoints)} of "
            f"{self.effort.share_s:.2f} s each {processes}: "
            f"about {clock_time(seconds)}, {pace.basis(cases)}, "
            f"and then what looks changed again{self._limit_in_words()}"
        )

    def _limit_in_words(self) -> str:
        """Say how long cases go on beyond that, and by what they stop."""
        if self.pairing.at_most is None:
            unknown = self.wanted.at_most == "auto"
            return "; no slowdown has to be excluded: no selftest is kept here" if unknown else ""
        ends = f", {self.pairing.looks[-1]} pairs are taken"
        ends += ", or the budget ends" if self.wanted.budget_s else ""
        limit = in_words(self.pairing.at_most, self.pairing.limits)
        return f", and each case until a slowdown of more than {limit} is excluded{ends}"


def make_plan(
    both: tuple[Contender, Contender],
    matched: Matched,
    asked: Asked,
    wanted: Wanted,
    command: list[str],
) -> Plan:
    """Turn what was asked into what will be measured."""
    from bench.judging.bounds import looks_for
    from bench.judging.rule import CONFIRM_PAIRS, LOOK_PAIRS, MARGIN

    effort = _effort(matched, asked.preset, wanted)
    whole = [pair.a for pair in matched.pairs if pair.whole and pair.a]
    limits = limits_here(wanted.at_most, matched.device, whole, effort.checkpoints[0])
    at_most = max(limits.values(), default=None) if wanted.at_most == "auto" else _share(wanted)
    a, b = (Contestant(publishable(c.words), c.git, _interpreter(c)) for c in both)
    pairing = Pairing(
        command=command,
        sort=both[0].sort,
        a=a,
        b=b,
        seed=random.randrange(2**31) if wanted.seed is None else wanted.seed,
        preset=asked.preset,
        device=matched.device,
        first_rounds=effort.checkpoints[0],
        confirm_pairs=CONFIRM_PAIRS if wanted.confirm_pairs is None else wanted.confirm_pairs,
        look_pairs=LOOK_PAIRS if wanted.confirm_pairs != 0 else 0,
        margin=MARGIN if wanted.margin is None else wanted.margin,
        matched_by="question" if both[0].sort == "variant" else "id",
        judged=judged_quantities(matched.device),
        at_most=at_most,
        limits=limits,
        looks=[] if at_most is None else list(looks_for(effort.checkpoints[0])),
        notices=[publishable(line) for line in [*matched.notices, *sticking()]],
        repository=_repository(both[0]),
        instrument=instrument_digest(),
    )
    pairing = replace(pairing, seal=seal_sides(pairing))
    return Plan(both, matched, effort, pairing, wanted)


def _share(wanted: Wanted) -> float | None:
    return wanted.at_most if isinstance(wanted.at_most, float) else None


def sticking() -> list[str]:
    """Say what of this machine sticks to a side, so that fresh servers do not average over it.

    Both sides then differ by their layouts alone, and no exchange of labels tells that apart from
    a change of the code.
    """
    found = layout.addresses()
    return [f"address layout {found.seen}: it may tell the sides apart"] if found.advice else []


def create(output: Path, plan: Plan) -> Comparison:
    """Make the folder of the comparison, and in it a run folder for each side."""
    folder = new_folder(output, "ab")
    runs = [
        create_at(folder / letter, _manifest(plan, side, folder.name))
        for side, letter in enumerate(LETTERS)
    ]
    found = Comparison(folder, plan.pairing, (runs[0], runs[1]))
    found.update()
    return found


def _manifest(plan: Plan, side: int, name: str) -> Manifest:
    return Manifest(
        command=plan.pairing.command,
        preset=plan.pairing.preset,
        device=plan.pairing.device,
        seed=plan.pairing.seed,
        share_s=round(plan.effort.share_s, 4),
        checkpoints=[plan.pairing.first_rounds],
        cases=plan.matched.cases(side),
        git=plan.both[side].git,
        timeout_s=plan.wanted.timeout_s,
        budget_s=plan.wanted.budget_s,
        pairing=name,
        judged=plan.pairing.judged,
        profile=plan.wanted.profile,
    )


def _effort(matched: Matched, preset: str, wanted: Wanted) -> Effort:
    """Return what the first stage spends; it leaves some of a budget to confirm with."""
    effort = EFFORTS[preset]
    effort = Effort(effort.share_s, (wanted.rounds or _FIRST_ROUNDS,))
    first_s = None if wanted.budget_s is None else _FIRST_STAGE_SHARE * wanted.budget_s
    return fit(effort, [*matched.cases(0), *matched.cases(1)], first_s, _pace(effort))


def _pace(effort: Effort) -> Pace:
    return pace_here(machine.identity(), {}, effort.share_s)


def expect_enough(confirm_pairs: int | None) -> None:
    """Refuse a number of fresh pairs that can decide nothing."""
    from bench.judging.rule import LEAST_CONFIRM_PAIRS

    if confirm_pairs is not None and 0 < confirm_pairs < LEAST_CONFIRM_PAIRS:
        raise UserError(
            f"--confirm {confirm_pairs}: expected at least {LEAST_CONFIRM_PAIRS} pairs, or 0"
        )


def _interpreter(contender: Contender) -> str:
    return hidden(contender.side.interpreter) if contender.sort == "interpreter" else ""


def _repository(contender: Contender) -> str:
    copy = contender.side.copy
    return hidden(str(copy.repository)) if copy else ""
