"""What the literature says of mixers, put to a run. Torch-free. n is the sequence length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from suites.mixers.growth import (
    Family,
    counted_exponent,
    describe,
    families,
    length,
    name,
    of_problem,
    time_exponent,
)

# Thresholds and their reasons; no run moves them.
EXACT = 0.15  # of an exponent of operations: the logarithm of a transform is within it
IN_TIME = 0.25  # of an exponent of time: half of the way to where it would round to another half
# A matrix of n x n; all others keep a state of one size.
QUADRATIC = ("attention", "attention_liger", "gau")
RELATIVE = 1e-5  # of float32's error in a layer: sums in another order, over a state of any age
SAME = 1.05  # "no dearer": a unit rounds to fewer, larger products than a layer
FAR = 65536  # tokens
LEARNS = 0.9  # of what is asked
FALLS_SHORT = 0.1  # of accuracy, below attention's
NEAR_PAST = 0.05  # rms of the reconstruction, of a signal of mean square 1

ARORA = "Arora et al. 2023, arXiv:2312.04927"


@claim("Sun et al. 2023, arXiv:2307.08621, section 2; Dao and Gu 2024, arXiv:2405.21060, section 6")
def forms_are_equal(records: Sequence[Record]) -> Finding:
    """Parallel and recurrent forms give the same outputs: every decoded token is the layer's."""
    figures, judged = [], list[Verdict]()
    for record in of_problem(records, "Decoding"):
        error = record.values.get("out_error_l2")
        if error is not None and record.case.dtype == "float32":
            figures.append(f"{_where(record)}: {error:.1e} of the forward pass in float64")
            judged.append("holds" if error <= RELATIVE else "fails")
    return Finding(together(judged), figures or ["no token was decoded in float32"])


@claim("Katharopoulos et al. 2020, arXiv:2006.16236, section 3.4; every paper of a linear mixer")
def operations_are_linear(records: Sequence[Record]) -> Finding:
    """Layers other than attention and GAU take operations that grow as n (by formula)."""
    return _counted(records, "sequence_flops")


@claim("Dao et al. 2022, arXiv:2205.14135, theorem 1; every paper of a linear mixer")
def memory_is_linear(records: Sequence[Record]) -> Finding:
    """Layers other than attention and GAU take memory that grows as n."""
    return _counted(records, "peak")


@claim("Gu and Dao 2023, arXiv:2312.00752, section 4.5; every paper of a linear mixer")
def time_is_linear(records: Sequence[Record]) -> Finding:
    """Layers other than attention and GAU take time that grows as n."""
    figures, judged = [], list[Verdict]()
    for family in _linear(records):
        if (found := time_exponent(family)) is not None:
            figures.append(f"{_along(family)}: exponent {_written(found)}")
            judged.append(_grows(found))
    return Finding(together(judged), figures or ["no three lengths of one layer were timed"])


@claim("Hua et al. 2022, arXiv:2202.10447, section 3.2")
def flash_is_linear(records: Sequence[Record]) -> Finding:
    """FLASH takes operations that grow as n."""
    flash = [r for r in records if r.case.variant == "flash"]
    return _counted(flash, "sequence_flops")


@claim(
    "Sun et al. 2023, arXiv:2307.08621, section 2; Peng et al. 2023, arXiv:2305.13048, section 3"
)
def state_is_constant(records: Sequence[Record]) -> Finding:
    """What a linear mixer keeps is as large after 64k tokens as after 1k; a cache grows with n."""
    figures, judged = [], list[Verdict]()
    for near_one, far in _near_and_far(records):
        small, large = (r.values["state"] for r in (near_one, far))
        spans = f"{length(near_one.case)} and {length(far.case)} tokens"
        figures.append(f"{name(far.case)}: {small:.0f} and {large:.0f} bytes after {spans}")
        grows = far.case.variant in QUADRATIC
        expected = large > small if grows else large == small
        judged.append("holds" if expected else "fails")
    nothing = [f"no state after {FAR} tokens and after fewer, of one mixer at one width"]
    return Finding(together(judged), figures or nothing)


@claim("Hua et al. 2022, arXiv:2202.10447, section 2.2: two units for one layer")
def gau_is_no_dearer(records: Sequence[Record]) -> Finding:
    """GAU costs no more than attention with a feed-forward of equal parameters."""
    figures, judged = [], list[Verdict]()
    for plain, gau in _pairs(records, "attention", "gau"):
        if (share := _share(plain, gau)) is None:
            continue
        told = []
        if (counted := _operations(plain, gau)) is not None:
            times = counted * share
            told.append(f"{times:.2f}× the operations")
            judged.append(at_most(Mean(times, times, times, 1), SAME))
        if (found := ratio(gau.rounds_of(), plain.rounds_of())) is not None:
            told.append(f"{found.estimate * share:.2f}× the time")
            judged.append(at_most(found, SAME / share))
        figures += [f"{_where(gau)}: {', '.join(told)}"] if told else []
    return Finding(together(judged), figures or ["no layers of both at one length"])


@claim("Gu et al. 2020, arXiv:2008.07669, theorems 1 and 2")
def hippo_reconstructs_the_past(records: Sequence[Record]) -> Finding:
    """The state of HiPPO reconstructs the past of a signal that it read."""
    figures, judged = [], list[Verdict]()
    for record in of_problem(records, "Reconstruction"):
        error, best = record.quality_of("error"), record.quality_of("best_error")
        if error is not None and best is not None:
            figures.append(
                f"{name(record.case)}, n = {length(record.case)}: rms {_written(error)} of a "
                f"signal of 1, the best polynomial {best.estimate:.1g}"
            )
            judged.append(at_most(error, NEAR_PAST))
    return Finding(together(judged), figures or ["no signal was reconstructed"])


@claim(f"{ARORA}, section 3; Gu and Dao 2023, arXiv:2312.00752, section 3.1")
def linear_time_costs_recall(records: Sequence[Record]) -> Finding:
    """Mixers whose decays ignore what is read recall less than attention, trained alike."""
    figures, judged = [], list[Verdict]()
    for variant in ("s4", "s4d", "lru"):
        for full, linear in _pairs(records, "attention", variant, "AssociativeRecall"):
            best, own = (r.quality_of("accuracy_share") for r in (full, linear))
            if best is None or own is None:
                continue
            figures.append(f"{variant}: {_written(own)} right, attention {_written(best)}")
            judged.append(_short(best, own))
    return Finding(together(judged), figures or ["no recall of both was learned"])


def _counted(records: Sequence[Record], quantity: str) -> Finding:
    figures, judged = [], list[Verdict]()
    for family in _linear(records):
        if (found := counted_exponent(family, lambda r: r.values.get(quantity))) is not None:
            figures.append(f"{_along(family)}: exponent {found.estimate:.3f}")
            judged.append(near(found, 1, EXACT if quantity == "sequence_flops" else IN_TIME))
    return Finding(together(judged), figures or ["no three lengths of one layer"])


def _linear(records: Sequence[Record]) -> Iterator[Family]:
    layers = [r for r in of_problem(records, "Layer") if r.case.variant not in QUADRATIC]
    return (family for family in families(layers).values())


def _grows(found: Mean) -> Verdict:
    """Judge an exponent of time; one below 1 is of calls that take as long at any length."""
    return at_most(found, 1 + IN_TIME)


def _near_and_far(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Yield the shortest and the longest context of every mixer and width, if that is 64k."""
    grouped: dict[str, Family] = {}
    for record in of_problem(records, "Decoding"):
        if "state" in record.values:
            grouped.setdefault(describe(record.case), []).append(record)
    for family in grouped.values():
        first, last = (f(family, key=lambda r: length(r.case)) for f in (min, max))
        if length(last.case) >= FAR > length(first.case):
            yield first, last


def _pairs(
    records: Sequence[Record], one: str, other: str, problem: str = "Layer"
) -> Iterator[tuple[Record, Record]]:
    """Pair two mixers' answers to the same question."""
    own = of_problem(records, problem)
    ones = {r.case.question: r for r in own if r.case.variant == one}
    for record in own:
        if record.case.variant == other and record.case.question in ones:
            yield ones[record.case.question], record


def _share(plain: Record, gau: Record) -> float | None:
    """Return how many units have the parameters of one layer."""
    counts = [record.values.get("num_parameters") for record in (plain, gau)]
    return counts[0] / counts[1] if counts[0] and counts[1] else None


def _operations(plain: Record, gau: Record) -> float | None:
    """Return how a unit's operations compare with those of a layer: by formula."""
    own, base = (r.values.get("sequence_flops") for r in (gau, plain))
    return own / base if own and base else None


def _short(best: Mean, own: Mean) -> Verdict:
    """Judge only where attention has learned the task: else nothing was asked of recall."""
    if at_least(best, LEARNS) != "holds" or own.high is None or own.low is None:
        return "untested"
    if own.high <= (best.low or 0.0) - FALLS_SHORT:
        return "holds"
    return "fails" if own.low > (best.high or 1.0) - FALLS_SHORT else "untested"


def _where(record: Record) -> str:
    return f"{describe(record.case)}, n = {length(record.case)}"


def _along(family: Family) -> str:
    return f"{describe(family[0].case)}, n = {length(family[0].case)}–{length(family[-1].case)}"


def _written(found: Mean) -> str:
    if found.low is None or found.high is None:
        return f"{found.estimate:.3g} (one of them)"
    return f"{found.estimate:.3g} ({found.low:.3g}–{found.high:.3g})"
