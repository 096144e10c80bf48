"""Which mixer to take: for a layer, for the next token, and for what it recalls. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import (
    Answer,
    Ranking,
    Record,
    Rival,
    listed,
    name_of,
    rankings,
    size,
    span,
    tied,
    what_settles_tie,
)
from suites.mixers.growth import length, of_problem

BOUNDS = ((min, "low"), (max, "high"))
QUESTION = "Which mixer to take, and what does linear time cost?"


def answers(records: Sequence[Record]) -> list[Answer]:
    """Say what is fastest at the longest, what is kept for that, and what is recalled."""
    found = rankings(list(records))
    layer = _fastest(found, "Layer", "a layer of {} tokens")
    token = _fastest(found, "Decoding", "the next token after {}")
    told = [layer, _with(token, _kept(records)), _recall(records)]
    return [answer for answer in told if answer is not None]


def _with(one: Answer | None, other: Answer | None) -> Answer | None:
    """Join two answers into one."""
    if one is None or other is None:
        return one or other
    return Answer(f"{one.sentence} {other.sentence}", [*one.records, *other.records])


def _fastest(found: list[Ranking], problem: str, what: str) -> Answer | None:
    own = [r for r in found if r.fastest.case.problem == problem and r.fastest.case.pass_ == "fwd"]
    if not own:
        return None
    longest = max(own, key=lambda r: length(r.fastest.case))
    field = [longest.fastest.case, *(rival.record.case for rival in longest.rivals)]
    names = [name_of(longest.fastest.case, field)]
    if longest.tied:
        names += [name_of(rival.record.case, field) for rival in longest.tied]
        said = f"{tied(names)} ({what_settles_tie(longest)}){_behind(longest)}"
    else:
        rival = longest.rivals[0]
        ahead = _ahead(rival)
        said = f"take {names[0]}, {ahead} as fast as {name_of(rival.record.case, field)}"
        said += _against_attention(longest)
    case = longest.fastest.case
    asked = what.format(length(case))
    return Answer(f"For {asked}, at width {case.values['width']}, {said}.", [longest.fastest])


def _behind(ranking: Ranking) -> str:
    """Say who is slower than the first of a tie beyond doubt, and by how much."""
    near = {rival.record.case.id for rival in ranking.tied}
    far = [rival for rival in ranking.rivals if rival.record.case.id not in near]
    if not far:
        return ""
    low, high = (f(getattr(r.ratio, end) or 0.0 for r in far) for f, end in BOUNDS)
    names = listed([rival.record.case.variant for rival in far], most=5)
    return f"; {names} take {span(low, high)} as long"


def _against_attention(ranking: Ranking) -> str:
    others = [r for r in ranking.rivals[1:] if r.record.case.variant == "attention"]
    return f" and {_ahead(others[0])} as fast as attention" if others else ""


def _ahead(rival: Rival) -> str:
    return span(rival.ratio.low or 0.0, rival.ratio.high or 0.0)


def _kept(records: Sequence[Record]) -> Answer | None:
    """Say what is kept after the longest context: counted, without an interval."""
    kept = [r for r in of_problem(records, "Decoding") if "state" in r.values]
    if not kept:
        return None
    longest = max(length(r.case) for r in kept)
    far = [r for r in kept if length(r.case) == longest]
    least, most = (f(far, key=lambda r: r.values["state"]) for f in (min, max))
    if least.values["state"] == most.values["state"]:
        return None
    said = [f"{size(r.values['state'])} by {r.case.variant}" for r in (least, most)]
    width = most.case.values["width"]
    return Answer(
        f"After {longest} tokens at width {width} a sequence keeps from {said[0]} to {said[1]}.",
        [least, most],
    )


def _recall(records: Sequence[Record]) -> Answer | None:
    """Say who recalls beyond doubt what others do not: by intervals over seeds."""
    scored = [
        (found, record)
        for record in of_problem(records, "AssociativeRecall")
        if (found := record.quality_of("accuracy_share")) and found.low is not None
    ]
    if len(scored) < 2:
        return None
    best, top = max(scored, key=lambda pair: pair[0].low or 0.0)
    short = [r for found, r in scored if (found.high or 0.0) < (best.low or 0.0)]
    if not short:
        return None
    others = [r for _, r in scored if r is not top and r not in short]
    bounds = (f"{100 * min(end or 0.0, 1.0):.0f}" for end in (best.low, best.high))
    share = f"{'–'.join(dict.fromkeys(bounds))} %"
    steps = top.case.values["num_steps"]
    beside = f" ({_mixers(others)} within the noise of it)" if others else ""
    return Answer(
        f"After {steps} steps of associative recall {top.case.variant} recalls {share}{beside}; "
        f"beyond the noise {_mixers(short)} recall less.",
        [top, *others, *short],
    )


def _mixers(records: Sequence[Record]) -> str:
    return listed(sorted({record.case.variant for record in records}), most=5)
