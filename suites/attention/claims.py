"""What the literature says of attention, put to a run. Torch-free. n is the sequence length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.claims import (
    Finding,
    Mean,
    Record,
    Verdict,
    at_least,
    at_most,
    claim,
    near,
    ratio,
    together,
)
from suites.attention.crossing import Ratios, between, question, times, within_order, written
from suites.attention.decode_claims import decode_time_is_linear, fewer_kv_heads_decode_faster
from suites.attention.growth import (
    PLAIN,
    Exponent,
    decodes,
    describe,
    families,
    length,
    memory_exponent,
    span,
    time_exponent,
    whole,
    works,
)
from suites.attention.pattern_claims import (
    linear_overtakes_softmax,
    qk_norm_bounds_logits,
    qk_norm_costs_little,
    sparse_cost_is_n_sqrt_n,
    window_cost_is_linear,
)

__all__ = [
    "decode_time_is_linear",
    "fewer_kv_heads_decode_faster",
    "linear_overtakes_softmax",
    "qk_norm_bounds_logits",
    "qk_norm_costs_little",
    "sparse_cost_is_n_sqrt_n",
    "window_cost_is_linear",
]

# Thresholds and their reasons; no run moves them.
TOLERANCE = 0.25  # of an exponent: half of the way to where it would round to another half
SPEEDUP = 2.0  # the lower end of the published 2-4x; more is more of the same
SPEEDUP_FROM = 1024  # tokens: below it the published figures are of launches as much as of kernels
ORDER = 10  # "of the order of head_dim" is at most ten times it
FIXED_COSTS = 1.25  # a windowed kernel gathers keys and loads masks beside its products


@claim("Vaswani et al. 2017, arXiv:1706.03762, table 1")
def softmax_time_is_quadratic(records: Sequence[Record]) -> Finding:
    """Softmax attention as the equation stands takes time that grows as n²."""
    return _growth(records, ["math"], time_exponent, 2)


@claim("Dao et al. 2022, arXiv:2205.14135, section 2.2")
def softmax_memory_is_quadratic(records: Sequence[Record]) -> Finding:
    """Softmax attention as the equation stands takes memory that grows as n²."""
    return _growth(records, ["math"], memory_exponent, 2)


@claim("Dao et al. 2022, arXiv:2205.14135, theorem 1")
def flash_memory_is_linear(records: Sequence[Record]) -> Finding:
    """FlashAttention takes memory that grows as n."""
    return _growth(records, ["sdpa_flash"], memory_exponent, 1)


@claim("Dao 2023, arXiv:2307.08691, abstract")
def flash_is_faster(records: Sequence[Record]) -> Finding:
    """FlashAttention runs 2 to 4 times as fast as the equation on a GPU."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for plain, flash in _pairs(records, "math", "sdpa_flash"):
        found = ratio(plain.rounds_of(), flash.rounds_of())
        other = plain.case.values.get("window") or decodes(plain.case)
        if found is None or length(plain.case) < SPEEDUP_FROM or other:
            continue
        figures.append(f"{question(flash)}: {times(found)} as fast")
        if plain.case.device != "cpu":
            judged.append(at_least(found, SPEEDUP))
    if not judged:
        figures.insert(0, f"no question of {SPEEDUP_FROM} tokens or more that both answer on a GPU")
    return Finding(together(judged), figures)


@claim("Katharopoulos et al. 2020, arXiv:2006.16236, section 3.2")
def linear_time_is_linear(records: Sequence[Record]) -> Finding:
    """Linear attention takes time that grows as n."""
    return _growth(records, ["linear", "linear_chunked"], time_exponent, 1)


@claim("Katharopoulos et al. 2020, arXiv:2006.16236, section 3.2")
def linear_memory_is_linear(records: Sequence[Record]) -> Finding:
    """Linear attention takes memory that grows as n."""
    return _growth(records, ["linear", "linear_chunked"], memory_exponent, 1)


@claim("Katharopoulos et al. 2020, arXiv:2006.16236, section 3.2: n² d against n d² products")
def linear_overtakes_early(records: Sequence[Record]) -> Finding:
    """Linear attention overtakes the n × n product at a length of the order of head_dim."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for variant in ("linear", "linear_chunked"):
        for name, ratios in _by_length(records, "quadratic", variant).items():
            figures.append(f"{name}: overtakes {between(ratios)}")
            judged.append(within_order(ratios, ORDER * _head_dim(records, name)))
    return Finding(together(judged), figures or ["no length at which both forms were timed"])


@claim("Dong et al. 2024, arXiv:2412.05496; Child et al. 2019, arXiv:1904.10509")
def hidden_blocks_cost_nothing(records: Sequence[Record]) -> Finding:
    """Blocks that a sliding window hides cost nothing: time goes with the blocks that are left."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for windowed, whole_one, share in _windowed(records):
        found = ratio(windowed.rounds_of(), whole_one.rounds_of())
        if found is None:
            continue
        judged.append(at_most(found, FIXED_COSTS * share))
        figures.append(
            f"{question(windowed)}: {times(found)} the time of {whole_one.case.variant} "
            f"for {share:.3f} of its pairs"
        )
    return Finding(together(judged), figures or ["no window was timed beside what it is cut from"])


def _growth(
    records: Sequence[Record], variants: list[str], exponent: Exponent, nominal: int
) -> Finding:
    figures: list[str] = []
    judged: list[Verdict] = []
    for variant in variants:
        for name, family in families(records, variant).items():
            if (found := exponent(family)) is not None:
                figures.append(f"{name}, {span(family)}: exponent {written(found)}")
                judged.append(_grows(found, nominal))
    measured = "at work" if exponent is time_exponent else "with their memory counted"
    asked = f"{' or '.join(variants)}, of at least 4 × head_dim, {measured}"
    return Finding(together(judged), figures or [f"no three lengths of {asked}"])


def _grows(found: Mean, nominal: int) -> Verdict:
    """Judge an exponent; one below 1 is of costs that no length has, since inputs grow as n."""
    verdict = near(found, nominal, TOLERANCE)
    fixed = found.high is not None and found.high < 1 - TOLERANCE
    return "untested" if verdict == "fails" and fixed else verdict


def _pairs(records: Sequence[Record], one: str, other: str) -> Iterator[tuple[Record, Record]]:
    """Yield unflagged records at work of two variants that answer the same plain question."""
    ranked = [record for record in records if works(record) and record.case.problem in PLAIN]
    ones = {record.case.question: record for record in ranked if record.case.variant == one}
    for record in ranked:
        if record.case.variant == other and record.case.question in ones:
            yield ones[record.case.question], record


def _by_length(records: Sequence[Record], one: str, other: str) -> dict[str, Ratios]:
    """Return by family the lengths, in order, and the factor by which `one` takes longer."""
    found: dict[str, Ratios] = {}
    for slow, fast in _pairs(records, one, other):
        factor = ratio(slow.rounds_of(), fast.rounds_of())
        if factor is not None:
            lengths = found.setdefault(describe(fast.case), [])
            lengths.append((length(fast.case), factor))
    return {name: sorted(lengths, key=lambda pair: pair[0]) for name, lengths in found.items()}


def _head_dim(records: Sequence[Record], name: str) -> int:
    return next(whole(r.case, "head_dim") for r in records if describe(r.case) == name)


def _windowed(records: Sequence[Record]) -> Iterator[tuple[Record, Record, float]]:
    """Yield windowed records, what they are cut from, and the share of its pairs they compute.

    Whole blocks of w keys are computed, two for a query. `banded` is set against `math`, which
    computes all n x n pairs of the same question, and so is slow by what it declares; `flex`
    against itself without the window, which computes half of them.
    """
    plain = {r.case.question: r for r in records if r.case.variant == "math" and r.ranked}
    for banded in filter(works, records):
        windowed = banded.case.variant == "banded" and banded.case.values.get("window")
        if windowed and banded.case.question in plain:
            yield banded, plain[banded.case.question], _two_blocks(banded)
    ran = [record for record in records if record.case.problem in PLAIN and works(record)]
    flex = [record for record in ran if record.case.variant == "flex"]
    by_id = {record.case.id: record for record in flex}
    for record in flex:
        open_values = {**record.case.values, "window": None}
        other = by_id.get(replace(record.case, values=open_values).id)
        if record.case.values.get("window") and record.case.values["causal"] and other:
            yield record, other, min(2 * _two_blocks(record), 1.0)


def _two_blocks(record: Record) -> float:
    return min(2 * whole(record.case, "window") / length(record.case), 1.0)
