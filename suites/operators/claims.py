"""What the literature says of these operators, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from statistics import linear_regression

from bench.claims import Finding, Mean, Record, Verdict, at_most, claim, near, ratio, together

# Thresholds and their reasons; no run moves them.
LESS = 0.9  # of the other's bytes: "less memory" is more than a few buffers
TOLERANCE = 0.25  # of an exponent: half of the way to where it would round to another half
FROM = 512  # pairs: below it, features of D dimensions weigh as much as the N x N logits
TWICE = 2.2  # times: twice, and a tenth for what is not the product
FASTER = 1.2  # times, beyond which float8 is worth asking for
NUM_BATCHES = 3  # two points lie on a line whatever the law is


@claim("Zhai et al. 2023, arXiv:2303.15343, section 3.3")
def sigmoid_needs_less_memory(records: Sequence[Record]) -> Finding:
    """The sigmoid loss, chunk by chunk, needs less memory than the softmax over the batch."""
    figures: list[str] = []
    judged: list[Verdict] = []
    whole = _peaks(records, "softmax_whole")
    for key, peak in _peaks(records, "sigmoid_chunked").items():
        if key in whole and key[0] >= FROM:
            share = peak / whole[key]
            judged.append(at_most(_exactly(share), LESS))
            figures.append(f"batch {key[0]}, {key[1]}: {share:.2f} of its peak bytes")
    other = _peaks(records, "softmax_chunked")
    for key, peak in other.items():
        if key in whole and key[0] >= FROM:
            share = peak / whole[key]
            figures.append(f"the softmax in chunks too, batch {key[0]}, {key[1]}: {share:.2f}")
    return Finding(
        together(judged), figures or ["no batch whose memory both losses were asked for"]
    )


@claim("NVIDIA H100 architecture whitepaper 2022: FP8 at twice the rate of 16 bits")
def float8_products_up_to_double_the_rate(records: Sequence[Record]) -> Finding:
    """Products of float8 run at up to twice the rate of those of BF16, on a GPU since Hopper."""
    plain = {_size(r): r for r in _of(records, "matmul") if r.case.dtype == "bfloat16"}
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _of(records, "scaled_mm"):
        other = plain.get(_size(record))
        times = ratio(other.rounds_of(), record.rounds_of()) if other else None
        if times is None or times.low is None:
            continue
        figures.append(f"{' x '.join(map(str, _size(record)[1:]))}: {times.estimate:.2f} times")
        if record.case.device.startswith("cuda"):  # a CPU has no units for it
            judged.append(at_most(times, TWICE))
            judged.append("holds" if times.low > FASTER else "untested")
    return Finding(together(judged), figures or ["no product of float8 beside one of bfloat16"])


@claim("Zhai et al. 2023, arXiv:2303.15343, section 3.3: b² on every device")
def softmax_memory_is_quadratic(records: Sequence[Record]) -> Finding:
    """The softmax loss as CLIP wrote it takes memory that grows as the batch squared."""
    grouped: dict[str, list[tuple[int, float]]] = {}
    for (batch, setting), peak in _peaks(records, "softmax_whole").items():
        if batch >= FROM:
            grouped.setdefault(setting, []).append((batch, peak))
    figures: list[str] = []
    judged: list[Verdict] = []
    for setting, found in grouped.items():
        if len(found) >= NUM_BATCHES:
            found.sort()
            logs = [(log(batch), log(peak)) for batch, peak in found]
            slope = linear_regression(*zip(*logs, strict=True)).slope
            judged.append(near(_exactly(slope), 2.0, TOLERANCE))
            figures.append(f"{setting}, {found[0][0]}–{found[-1][0]} pairs: exponent {slope:.2f}")
    return Finding(together(judged), figures or [f"no {NUM_BATCHES} batches of {FROM} or more"])


@claim("Shi et al. 2016, arXiv:1609.05158, abstract: features at low resolution")
def shuffling_is_faster(records: Sequence[Record]) -> Finding:
    """A convolution at low resolution and PixelShuffle is faster than a transposed convolution."""
    ranked = [r for r in records if r.ranked and r.case.problem == "LearnedUpsampling"]
    slow = {r.case.question: r for r in ranked if r.case.variant == "transposed_convolution"}
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in ranked:
        other = slow.get(record.case.question)
        if record.case.variant != "pixel_shuffle" or other is None:
            continue
        if (found := ratio(record.rounds_of(), other.rounds_of())) is not None:
            judged.append(at_most(found, 1.0))
            bounds = f" ({found.low:.2f}–{found.high:.2f})" if found.low and found.high else ""
            where = f"side {record.case.values['side']}, {record.case.pass_}, {record.case.device}"
            figures.append(f"{where}: {found.estimate:.2f}×{bounds} its time")
    return Finding(together(judged), figures or ["no size at which both were timed"])


def _peaks(records: Sequence[Record], variant: str) -> dict[tuple[int, str], float]:
    """Return the peak bytes of sound records by batch and by all else that is asked."""
    found = {}
    for record in records:
        case = record.case
        if case.variant == variant and record.outcome == "ok" and record.values.get("peak"):
            batch = case.values["batch"]
            assert isinstance(batch, int)
            what = f"dim {case.values['dim']}, {case.dtype}, {case.pass_}, {case.device}"
            found[batch, what] = record.values["peak"]
    return found


def _exactly(value: float) -> Mean:
    """Return what was counted: it has no spread."""
    return Mean(value, value, value, 1)


def _of(records: Sequence[Record], variant: str) -> list[Record]:
    return [r for r in records if r.case.variant == variant and r.outcome == "ok"]


def _size(record: Record) -> tuple[object, ...]:
    values = record.case.values
    return (record.case.device, *(values.get(name) for name in ("rows", "inner", "cols")))
