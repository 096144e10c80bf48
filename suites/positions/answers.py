"""What telling attention where tokens stand costs, from intervals alone. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import LEVEL, Answer, Interval, Record, listed, ratio, span

QUESTION = "What does it cost to tell attention where its tokens stand?"
BARE = "nope"
LITTLE = 1.1  # times attention without positions
MOST = 3


def answers(records: Sequence[Record]) -> list[Answer]:
    """Say which encodings cost next to nothing and which the most, question by question."""
    found = []
    for bare, others in _questions(records):
        level = 1 - (1 - LEVEL) / len(others)
        beside = [(r, ratio(r.rounds_of(), bare.rounds_of(), level)) for r in others]
        told = [(r, f) for r, f in beside if f is not None and f.low is not None]
        if told:
            found.append(Answer(_sentence(bare, told), [bare, *(r for r, _ in told)]))
    return found[:MOST]


def _questions(records: Sequence[Record]) -> list[tuple[Record, list[Record]]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.ranked:
            groups.setdefault(record.case.question, []).append(record)
    found = []
    for group in groups.values():
        bare = [record for record in group if record.case.variant == BARE]
        others = [record for record in group if record.case.variant != BARE]
        found += [(bare[0], others)] if bare and others else []
    return found


def _sentence(bare: Record, told: list[tuple[Record, Interval]]) -> str:
    cheap = [(r, f) for r, f in told if (f.high or 0.0) <= LITTLE]
    dear = [(r, f) for r, f in told if (f.low or 0.0) > LITTLE]
    unclear = [(r, f) for r, f in told if (r, f) not in cheap and (r, f) not in dear]
    words = [f"at most a tenth more with {_names(cheap)}"] if cheap else []
    words += [f"{_times(dear)} with {_names(dear)}"] if dear else []
    words += [f"within a tenth or not, cannot be told, with {_names(unclear)}"] if unclear else []
    return f"{_where(bare)}, beside no encoding: {'; '.join(words)}."


def _names(some: list[tuple[Record, Interval]]) -> str:
    ordered = sorted(some, key=lambda pair: pair[1].estimate)
    return listed([record.case.variant for record, _ in ordered], most=10)


def _times(some: list[tuple[Record, Interval]]) -> str:
    return span(min(f.low or 0.0 for _, f in some), max(f.high or 0.0 for _, f in some))


def _where(record: Record) -> str:
    case = record.case
    causal = "causal" if case.values.get("causal") else "not causal"
    back = ", with its backward pass" if case.pass_ == "fwd_bwd" else ""
    return f"{case.values['seqlen']} tokens, {causal}, {case.dtype}{back}"
