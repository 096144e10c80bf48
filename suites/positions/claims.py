"""What the literature says of position encodings, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from bench.claims import Finding, Mean, Record, Verdict, at_least, at_most, claim, ratio, together
from suites.positions.contexts import CONTEXTS

# Thresholds and their reasons; no run moves them.
ROUNDING = 1e-9  # of float64 logits: angles at far positions round, and nothing else may move
TELLS = 0.01  # of them: an encoding that tells absolute positions moves them by more
SMALL_COST = 1.25  # times attention without positions: "negligible", read with leave
NEARER = 0.95  # of the distance that attention looks to without an encoding

ROTARY = ("rope", "rope_ntk", "rope_2d")
ABSOLUTE = ("sinusoidal", "learned")


@claim("Su et al. 2021, arXiv:2104.09864, eq. 16")
def rope_sees_relative_positions_only(records: Sequence[Record]) -> Finding:
    """RoPE's logits depend on relative positions alone: they stay when all tokens move on."""
    return _shifted(records, ROTARY, lambda change: at_most(change, ROUNDING))


@claim("Vaswani et al. 2017, arXiv:1706.03762, section 3.5")
def added_positions_are_absolute(records: Sequence[Record]) -> Finding:
    """Positions that are added to tokens tell where they stand: logits change as all move on."""
    return _shifted(records, ABSOLUTE, lambda change: at_least(change, TELLS))


@claim(
    "Men et al. 2024, arXiv:2405.14591, section 4: cos sums at all distances below L, no base less"
)
def rope_base_grows_with_context(records: Sequence[Record]) -> Finding:
    """A longer context asks for a larger base of RoPE."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _told(records):
        bases = _only(record, "base_first_fitting")
        largest = _only(record, "base_largest_failing")
        if bases and largest:
            judged.append(_grows(bases))
            judged.append(_grows(largest))
            figures += [_bases(record, bases, largest)]
    figures = list(dict.fromkeys(figures))
    return Finding(together(judged), figures or ["no run computed the bases that a context allows"])


@claim("Press et al. 2022, arXiv:2108.12409, section 3")
def alibi_looks_near(records: Sequence[Record]) -> Finding:
    """ALiBi turns attention to what is near: among alike tokens it looks less far than without."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _told(records):
        found = record.quality_of("attended_distance")
        if record.case.variant == "alibi" and found is not None:
            judged.append(at_most(found, NEARER))
            figures.append(f"{_where(record)}: {_written(found)} of an even look")
    return Finding(together(judged), figures or ["no quality of alibi was measured"])


@claim(
    "Press et al. 2022, arXiv:2108.12409, section 3; Su et al. 2021, arXiv:2104.09864, section 3.4"
)
def rotating_and_biasing_cost_little(records: Sequence[Record]) -> Finding:
    """RoPE and ALiBi add little time to attention without positions."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for bare, record in _beside_nope(records, (*ROTARY, "alibi")):
        if (found := ratio(record.rounds_of(), bare.rounds_of())) is not None:
            judged.append(at_most(found, SMALL_COST))
            bounds = f" ({found.low:.2f}–{found.high:.2f})" if found.low and found.high else ""
            figures.append(f"{_where(record)}: {found.estimate:.2f}×{bounds} the time of nope")
    return Finding(together(judged), figures or ["none was timed beside attention without"])


def _shifted(records: Sequence[Record], names: Sequence[str], judge) -> Finding:  # type: ignore[no-untyped-def]
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _told(records):
        change = record.quality_of("logit_shift_change")
        if record.case.variant in names and change is not None and change.count > 1:
            judged.append(judge(change))
            figures.append(f"{_where(record)}: logits change by {_written(change)} of themselves")
    return Finding(together(judged), figures or [f"no quality of {' or '.join(names)} over seeds"])


def _told(records: Sequence[Record]) -> Iterator[Record]:
    """Yield sound records whose quality was measured."""
    for record in records:
        if record.case.problem == "PositionedAttention" and record.outcome == "ok":
            yield record


def _beside_nope(
    records: Sequence[Record], names: Sequence[str]
) -> Iterator[tuple[Record, Record]]:
    ranked = [record for record in _told(records) if record.ranked]
    bare = {r.case.question: r for r in ranked if r.case.variant == "nope"}
    for record in ranked:
        if record.case.variant in names and record.case.question in bare:
            yield bare[record.case.question], record


def _only(record: Record, quantity: str) -> list[float]:
    """Return what one seed computed, of what no seed matters to."""
    return next(iter(record.trajectories.get(quantity, {}).values()), [])


def _grows(by_context: Sequence[float]) -> Verdict:
    return "holds" if all(one < other for one, other in pairwise(by_context)) else "fails"


def _bases(record: Record, first: Sequence[float], largest: Sequence[float]) -> str:
    told = ", ".join(
        f"{low:.0f} ({high:.0f}) at {context}"
        for context, low, high in zip(CONTEXTS, first, largest, strict=True)
    )
    head_dim = record.case.values["head_dim"]
    return f"head_dim {head_dim}: first base that fits (largest that fails) {told}"


def _where(record: Record) -> str:
    case = record.case
    causal = "causal" if case.values.get("causal") else "not causal"
    return f"{case.variant}, {case.values['seqlen']} tokens, {causal}, {case.dtype}, {case.pass_}"


def _written(found: Mean) -> str:
    if found.low is None or found.high is None or found.low == found.high:
        return f"{found.estimate:.2g}"
    return f"{found.estimate:.2g} ({found.low:.2g}–{found.high:.2g})"
