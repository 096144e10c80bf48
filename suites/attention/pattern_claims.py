"""What is claimed of patterns, norms and linear attention beside softmax attention. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import sqrt

from bench.claims import Finding, Record, Verdict, at_most, claim, near, ratio, together
from suites.attention.crossing import Ratios, between, question, times, within_order, written
from suites.attention.growth import (
    flops_exponent,
    grown,
    length,
    span,
    time_exponent,
    whole,
    works,
)

TOLERANCE = 0.25  # of an exponent of time; see claims.py
COUNTED = 0.1  # of one that is counted: at few keys, the diagonal is a good part of them
SPARSE = ("by_residue", "two_parts", "blocks_and_summaries")
ORDER = 10  # "of the order of head_dim" is at most ten times it
LITTLE = 1.25  # times: what a norm of q and k may add to the n x n products
ROUNDED = 1.01  # a norm is rounded too


@claim("Child et al. 2019, arXiv:1904.10509, section 4.1")
def sparse_cost_is_n_sqrt_n(records: Sequence[Record]) -> Finding:
    """Strided, local + strided and fixed attention cost n√n at strides of √n, in pairs and time."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for variant in SPARSE:
        for name, family in grown(records, variant, lambda case: "stride" in case.values).items():
            pairs, time = flops_exponent(family), time_exponent(family)
            told = [f"{name}, {span(family)}:"]
            if pairs is not None:
                judged.append(near(pairs, 1.5, COUNTED))
                told.append(f"exponent of pairs {written(pairs)}")
            if time is not None:
                judged.append(near(time, 1.5, TOLERANCE))
                told.append(f"of time {written(time)}")
            figures.append(" ".join(told))
    return Finding(together(judged), figures or [f"no three lengths of {', '.join(SPARSE)}"])


@claim("Child et al. 2019, arXiv:1904.10509; Beltagy et al. 2020, arXiv:2004.05150, section 3.1")
def window_cost_is_linear(records: Sequence[Record]) -> Finding:
    """Attention in a window of w keys takes time that grows as n w: at one w, as n."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for name, family in grown(records, "banded", lambda c: bool(c.values.get("window"))).items():
        if (time := time_exponent(family)) is not None:
            judged.append(near(time, 1, TOLERANCE))
            figures.append(f"{name}, {span(family)}: exponent {written(time)}")
    return Finding(together(judged), figures or ["no three lengths of banded at one window"])


@claim("Katharopoulos et al. 2020, arXiv:2006.16236, section 3.2: n² d against n d² products")
def linear_overtakes_softmax(records: Sequence[Record]) -> Finding:
    """Linear attention overtakes softmax attention, at equal heads, at n of the order of head_dim.

    Judged against the equation; what a fused kernel moves the crossing to is told.
    """
    figures: list[str] = []
    judged: list[Verdict] = []
    for softmax in ("math", "sdpa_flash"):
        for (head_dim, name), ratios in sorted(_beside_softmax(records, softmax).items()):
            figures.append(f"{name}: linear overtakes {softmax} {between(ratios)}")
            if softmax == "math":
                judged.append(within_order(ratios, ORDER * head_dim))
    nothing = ["no length at which linear attention and softmax were timed at equal heads"]
    return Finding(together(judged), figures or nothing)


def _beside_softmax(records: Sequence[Record], softmax: str) -> dict[tuple[int, str], Ratios]:
    """Return by head_dim and setting the lengths, and the factor by which softmax takes longer."""
    found: dict[tuple[int, str], Ratios] = {}
    ranked = [record for record in records if works(record)]
    others = {_shape(r): r for r in ranked if r.case.variant == softmax and _alike(r)}
    for record in ranked:
        other = others.get(_shape(record))
        if record.case.problem != "LinearAttention" or other is None:
            continue
        if record.case.variant not in ("linear", "linear_chunked") or _compiled(record):
            continue
        if (factor := ratio(other.rounds_of(), record.rounds_of())) is not None:
            lengths = found.setdefault(_family(record), [])
            lengths.append((length(record.case), factor))
    return {name: sorted(lengths, key=lambda pair: pair[0]) for name, lengths in found.items()}


def _alike(record: Record) -> bool:
    """Say whether a question is what linear attention can be asked as well."""
    case = record.case
    plain = case.problem == "SoftmaxAttention" and not case.values.get("window")
    square = case.values.get("seqlen_q") == case.values.get("seqlen_kv")
    shared = case.values.get("num_kv_heads") != case.values.get("num_heads")
    return plain and square and not shared and not _compiled(record)


def _compiled(record: Record) -> bool:
    return record.case.options.get("compiled") is True


def _shape(record: Record) -> tuple[object, ...]:
    case = record.case
    sizes = (case.values.get(name) for name in ("batch", "num_heads", "head_dim", "causal"))
    setting = (case.dtype, case.pass_, case.device, case.threads, case.cache, case.allocator)
    return (length(case), *sizes, *setting)


def _family(record: Record) -> tuple[int, str]:
    case, head_dim = record.case, whole(record.case, "head_dim")
    mask = "causal" if case.values.get("causal") else "not causal"
    heads = f"{case.values['num_heads']} heads"
    return head_dim, f"head_dim={head_dim} {heads} {mask} {case.dtype} {case.pass_} {case.device}"


@claim("Dehghani et al. 2023, arXiv:2302.05442, section 2; Esser et al. 2024, arXiv:2403.03206")
def qk_norm_bounds_logits(records: Sequence[Record]) -> Finding:
    """QK-norm bounds the logits by √head_dim, however large queries and keys become."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in records:
        largest = record.values.get("largest_logit")
        if largest is None:
            continue
        bound = sqrt(whole(record.case, "head_dim"))
        judged.append("holds" if largest <= ROUNDED * bound else "fails")
        without = record.values.get("largest_logit_without_norm", float("nan"))
        figures.append(
            f"{question(record)}: {largest:.2f} of at most {bound:.2f} ({without:.4g} without)"
        )
    return Finding(together(judged), figures or ["no logits of QK-norm were looked at"])


@claim("Henry et al. 2020, arXiv:2010.04245; Esser et al. 2024, arXiv:2403.03206, section 5.3.2")
def qk_norm_costs_little(records: Sequence[Record]) -> Finding:
    """QK-norm costs little beside attention itself."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for normed, plain in _normed_and_plain(records):
        if (found := ratio(normed.rounds_of(), plain.rounds_of())) is not None:
            judged.append(at_most(found, LITTLE))
            figures.append(f"{question(normed)}: {times(found)} the time without")
    return Finding(together(judged), figures or ["QK-norm was not timed beside plain attention"])


def _normed_and_plain(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    ranked = {record.case.id: record for record in records if works(record)}
    for record in ranked.values():
        if record.case.problem == "QKNormAttention":
            values = {k: v for k, v in record.case.values.items() if k != "spread"}
            plain = replace(record.case, problem="SoftmaxAttention", values=values)
            if plain.id in ranked:
                yield record, ranked[plain.id]
