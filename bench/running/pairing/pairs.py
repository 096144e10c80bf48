"""Which cases of the two sides are pairs: each side lists its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.cases.keywords import chooser
from bench.errors import BAD_INPUT, NOTHING_MEASURED, UserError
from bench.running.pairing.contenders import Contender
from bench.running.pairing.listed import Asked, Listed, list_side
from bench.sides.selection import expect_files
from bench.system.terminal import relay


@dataclass(frozen=True)
class Pair:
    """The same case of both sides; None on a side that has no such case."""

    a: Case | None
    b: Case | None

    @property
    def whole(self) -> bool:
        return self.a is not None and self.b is not None

    @property
    def name(self) -> str:
        """Return what the pair is told as: the case's id, or two variants and their question."""
        a, b = self.a, self.b
        if a is None or b is None or a.id == b.id:
            return next(case.id for case in (b, a) if case)
        return f"{a.suite}/{a.variant} and {b.suite}/{b.variant}: {b.question}"


@dataclass(frozen=True)
class Matched:
    """All pairs, the device they are measured on, and what one side alone lacks."""

    pairs: list[Pair]
    device: str
    notices: list[str]

    def cases(self, side: int) -> list[Case]:
        """Return the cases of side 0 (A) or 1 (B)."""
        both = [(pair.a, pair.b) for pair in self.pairs]
        return [case for pair in both if (case := pair[side])]


def list_pairs(a: Contender, b: Contender, asked: Asked) -> Matched:
    """Ask both sides for their cases, and match them; UserError where nothing can be compared."""
    chooser(asked.keyword)  # refused before anything is imported
    of_a, of_b = list_side(a, asked), list_side(b, asked)
    relay("\n".join(dict.fromkeys([*of_a.said, *of_b.said])))  # what both say, once
    _expect_one_device(of_a, of_b)
    notices = _notices(of_a, of_b)
    cases = (_chosen(of_a, of_b, asked.keyword), _chosen(of_b, of_a, asked.keyword))
    for contender, own in zip((a, b), cases, strict=True):
        expect_files(contender.side, own, asked.files, contender.side)
    if a.sort == "variant":
        for contender, own in zip((a, b), cases, strict=True):
            _expect_one_answer(contender, own)
    pairs = paired("question" if a.sort == "variant" else "id", *cases)
    if not any(pair.whole for pair in pairs):
        raise UserError(f"{a.name} and {b.name} have no case in common", NOTHING_MEASURED)
    return Matched(pairs, of_a.device, notices)


def _expect_one_device(a: Listed, b: Listed) -> None:
    if a.device != b.device:
        raise UserError(
            f"{a.contender.name} runs on {a.device}, {b.contender.name} on {b.device}; "
            "name one that both have with --device"
        )


def _chosen(own: Listed, other: Listed, keyword: str) -> list[Case]:
    """Return a side's cases; UserError where there are none.

    A module that cannot be imported here is asked what it answers on the other side. Its cases then
    fail one by one, with the reason, beside those that they should have equalled.
    """
    chooses = chooser(keyword)
    meant = [
        replace(case, source_hash="")
        for case in other.cases
        if case.problem and case.module in own.broken
    ]
    answered = {case.module for case in meant}
    cases = [case for case in own.cases if case.problem or case.module not in answered] + meant
    chosen = [case for case in cases if chooses(case.id)]
    if not chosen:
        raise _nothing_chosen(own, len(cases), keyword)
    return chosen


def _nothing_chosen(own: Listed, num_cases: int, keyword: str) -> UserError:
    """Say why a side has no case: a variant that nobody has is bad input, else nothing compares."""
    lacking = next(iter(own.lacking.values()), "")
    unknown = bool(lacking) and not num_cases and own.contender.sort == "variant"
    why = lacking or "the selection has no cases in this preset"
    if num_cases:
        why = f"none of {counted(num_cases, 'case')} matches -k '{keyword}'"
    code = BAD_INPUT if unknown else NOTHING_MEASURED
    return UserError(f"{own.contender.name}: {why}", code)


def paired(matched_by: str, a: list[Case], b: list[Case]) -> list[Pair]:
    """Pair cases by their `id`, or two variants by what is asked.

    What only one of two variants answers cannot be compared.
    """
    if matched_by == "question":
        answers = {case.question: case for case in b}
        return [Pair(case, answers[case.question]) for case in a if case.question in answers]
    of_a, of_b = ({case.id: case for case in cases} for cases in (a, b))
    return [Pair(of_a.get(name), of_b.get(name)) for name in {**of_b, **of_a}]


def _expect_one_answer(contender: Contender, cases: list[Case]) -> None:
    question, count = Counter(case.question for case in cases).most_common(1)[0]
    if count > 1:
        ids = sorted(case.id.partition("/" + question)[0] for case in cases)
        raise UserError(
            f"{contender.name}: expected one case a question, got {', '.join(dict.fromkeys(ids))}; "
            "name options, as in suite/variant[option=value]"
        )


def _notices(a: Listed, b: Listed) -> list[str]:
    """Tell what one side alone lacks; UserError where both lack the same."""
    if a.contender.sort == "variant":
        return []
    for name in a.lacking.keys() & b.lacking.keys():
        raise UserError(b.lacking[name])
    return [
        f"{one.contender.name}: {why}; the other side's cases are {fate}"
        for one, fate in ((a, "added"), (b, "removed"))
        for why in one.lacking.values()
    ]
