"""What the literature says of precision, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import Case
from bench.claims import (
    Finding,
    Interval,
    Mean,
    Record,
    Verdict,
    at_least,
    claim,
    estimate_mean,
    near,
    ratio,
    together,
)
from suites.precision.naming import TELLING
from suites.precision.standards import STANDARDS

# Thresholds and their reasons; no run moves them.
SAME_LOSS = 0.01  # of float32's final loss: below what another seed changes
HALF = 0.5
HALF_TOLERANCE = 0.1  # norms and losses stay in float32, so that it is never exactly half
SPEEDUP = 1.5  # "a multiple of its speed", at the least

MIXED = "Micikevicius et al. 2018, arXiv:1710.03740"


@claim("Kalamkar et al. 2019, arXiv:1905.12322, section 4")
def bf16_keeps_the_loss(records: Sequence[Record]) -> Finding:
    """BF16 mixed precision ends at float32's loss."""
    return _same_loss(_ordinary(records), "bf16_autocast")


@claim(f"{MIXED}, section 4")
def scaled_fp16_keeps_the_loss(records: Sequence[Record]) -> Finding:
    """FP16 mixed precision with loss scaling ends at float32's loss."""
    return _same_loss(_ordinary(records), "fp16_scaled")


@claim(f"{MIXED}, section 3")
def activations_shrink(records: Sequence[Record]) -> Finding:
    """Mixed precision keeps fewer bytes of activations than float32."""
    figures, kept = _activations(records)
    judged: list[Verdict] = [found.within(0.0, 1.0) for found in kept]
    return Finding(together(judged), figures)


@claim(f"{MIXED}, section 3: roughly halved")
def activations_halve(records: Sequence[Record]) -> Finding:
    """Mixed precision halves the bytes of activations."""
    figures, kept = _activations(records)
    judged: list[Verdict] = [
        found.within(HALF - HALF_TOLERANCE, HALF + HALF_TOLERANCE) for found in kept
    ]
    return Finding(together(judged), figures)


@claim(f"{MIXED}, section 3.2")
def unscaled_fp16_loses_gradients(records: Sequence[Record]) -> Finding:
    """Without loss scaling, FP16 loses small gradients to zero; with it, fewer."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for scaled, unscaled in _pairs(records, "fp16_scaled", "fp16_unscaled"):
        kept, lost = (r.values.get("grad_lost_to_zero") for r in (scaled, unscaled))
        if kept is None or lost is None:
            continue
        nothing_small = lost == kept == 0  # a model too small to have gradients that small
        judged.append("untested" if nothing_small else "holds" if lost > kept else "fails")
        figures.append(
            f"{_where(unscaled.case)}: {100 * lost:.2g} % of the elements of a first step that are "
            f"not 0 in float64, {100 * kept:.2g} % with scaling{_over_training(unscaled)}"
        )
    return Finding(together(judged), figures or ["no checked case of both"])


@claim("Kalamkar et al. 2019, arXiv:1905.12322, section 3")
def bf16_needs_no_scaling(records: Sequence[Record]) -> Finding:
    """BF16 loses no gradients to zero that float32 keeps."""
    figures: list[str] = []
    judged: list[Verdict] = []
    plain = {case.question: lost for case, lost in _lost_to_zero(records, "fp32")}
    for case, lost in _lost_to_zero(records, "bf16_autocast"):
        own = plain.get(case.question, 0.0)  # rounding makes a few zeros in float32 as well
        figures.append(
            f"{_where(case)}: {lost:.2g} of the elements of a first step, {own:.2g} in float32"
        )
        judged.append("holds" if lost <= own else "fails")
    return Finding(together(judged), figures or ["no checked case of bf16_autocast"])


@claim(f"{MIXED}, section 3.1, of FP16; Kalamkar et al. 2019 keep FP32 weights for the same reason")
def pure_bf16_loses_updates(records: Sequence[Record]) -> Finding:
    """Weights kept in BF16 end at a higher loss than weights kept in float32."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _of(records, "bf16_pure"):
        gap = record.quality_of("loss_gap")
        if gap is not None:
            figures.append(f"{_where(record.case)}: {_gap(gap)}")
            judged.append(_above(gap, 0.0))
    return Finding(together(judged), figures or ["no loss trajectory of bf16_pure"])


@claim(f"{MIXED}, section 3.1, of FP16; Zamirai et al. 2020, arXiv:2010.06192, section 3, of BF16")
def pure_bf16_falls_behind_at_small_steps(records: Sequence[Record]) -> Finding:
    """Where steps are small beside the weights, pure BF16 ends more than 1 % above float32."""
    return _behind(records, "bf16_pure")


@claim(f"{MIXED}, section 3.2")
def unscaled_fp16_falls_behind_at_small_gradients(records: Sequence[Record]) -> Finding:
    """Where gradients are small, FP16 without scaling ends more than 1 % above float32."""
    return _behind(records, "fp16_unscaled")


@claim(f"{MIXED}, section 3.2")
def scaling_recovers_the_loss(records: Sequence[Record]) -> Finding:
    """Where FP16 without scaling falls behind, with scaling it ends at float32's loss."""
    return _same_loss([r for r in records if r.case.problem == TELLING], "fp16_scaled")


@claim("Zamirai et al. 2020, arXiv:2010.06192, section 4")
def kahan_recovers_pure_bf16(records: Sequence[Record]) -> Finding:
    """Kahan summation brings pure BF16 to the loss of BF16 mixed precision, within 1 %."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for mixed, kahan in _pairs(records, "bf16_autocast", "bf16_kahan"):
        finals = [r.trajectories.get("final_loss", {}) for r in (mixed, kahan)]
        seeds = sorted(finals[0].keys() & finals[1].keys())
        if seeds:
            beyond = [finals[1][seed][0] / finals[0][seed][0] - 1 for seed in seeds]
            found = estimate_mean(beyond)
            judged.append(near(found, 0.0, SAME_LOSS))
            figures.append(f"{_where(kahan.case)}: {100 * found.estimate:+.2g} %")
    return Finding(together(judged), figures or ["no loss trajectory of both"])


@claim("NVIDIA A100 architecture whitepaper 2020: TF32")
def tf32_is_fast_float32(records: Sequence[Record]) -> Finding:
    """TF32 ends at float32's loss at a multiple of its speed."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for plain, tf32 in _pairs(records, "fp32", "tf32"):
        times, gap = ratio(plain.rounds_of(), tf32.rounds_of()), tf32.quality_of("loss_gap")
        if times is None or gap is None:
            continue
        figures.append(f"{_where(tf32.case)}: {_times(times)} times as fast, {_gap(gap)}")
        judged += [at_least(times, SPEEDUP), _same(tf32, gap)]
    return Finding(together(judged), figures or ["needs a GPU with TF32"])


@claim("IEEE 754-2019 table 3.5; arXiv:2209.05433 table 1; arXiv:2310.10537 table 1")
def formats_match_standards(records: Sequence[Record]) -> Finding:
    """Formats hold what IEEE 754 and OCP say: largest, smallest normal, subnormal, and epsilon."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in (r for r in records if r.case.problem == "NumberFormat" and r.outcome == "ok"):
        name = str(record.case.values["format"])
        wrong = [
            f"{quantity.removeprefix('format_')} {record.values.get(quantity)}, expected {value}"
            for quantity, value in STANDARDS[name].figures().items()
            if record.values.get(quantity) != value
        ]
        judged.append("fails" if wrong else "holds")
        figures.append(f"{name}: {'; '.join(wrong) or 'as its standard has it'}")
    return Finding(together(judged), figures or ["no format was asked"])


def _times(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.estimate:.2f}"
    return f"{found.estimate:.2f} ({found.low:.2f}–{found.high:.2f})"


def _same_loss(records: Sequence[Record], variant: str) -> Finding:
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _of(records, variant):
        gap = record.quality_of("loss_gap")
        if gap is not None:
            figures.append(f"{_where(record.case)}: {_gap(gap)}")
            judged.append(_same(record, gap))
        elif "diverged_at_step" in record.trajectories:
            figures.append(f"{_where(record.case)}: diverged")
            judged.append("fails")
    return Finding(together(judged), figures or [f"no loss trajectory of {variant}"])


def _ordinary(records: Sequence[Record]) -> list[Record]:
    """Leave out the workload that is made to tell policies apart: it is no usual training."""
    return [record for record in records if record.case.problem != TELLING]


def _behind(records: Sequence[Record], variant: str) -> Finding:
    """Hold where a policy ends above float32 by more than is called the same loss."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _of(records, variant):
        gap, final = (record.quality_of(name) for name in ("loss_gap", "final_loss"))
        if record.case.problem != TELLING or gap is None or final is None:
            continue
        least = SAME_LOSS * (final.estimate - gap.estimate)
        figures.append(f"{_where(record.case)}: {_gap(gap)}, float32 ends at {least * 100:.3g}")
        judged.append(_above(gap, least))
    return Finding(together(judged), figures or [f"no {TELLING} of {variant}"])


def _same(record: Record, gap: Mean) -> Verdict:
    final = record.quality_of("final_loss")
    if final is None:
        raise ValueError(f"{record.case.id}: expected a final_loss beside its loss_gap, got none")
    return near(gap, 0.0, SAME_LOSS * (final.estimate - gap.estimate))


def _above(gap: Mean, least: float) -> Verdict:
    if gap.low is None or gap.high is None:
        return "untested"
    if gap.low > least:
        return "holds"
    return "fails" if gap.high <= least else "untested"


@dataclass(frozen=True)
class Kept:
    """Bytes of activations as a share of float32's, and what copies of weights may add to it.

    Autocast keeps a 16-bit copy of each weight from forward to backward, which is no activation
    and in a small model at a small batch outweighs them.
    """

    share: float
    copies: float

    def within(self, least: float, most: float) -> Verdict:
        """Hold where the share is within; tell nothing where copies may be why it is not."""
        if least <= self.share < most:
            return "holds"
        return "untested" if self.share - self.copies < most <= self.share else "fails"

    def __str__(self) -> str:
        copies = f", of which copies of weights {self.copies:.3f}" if self.copies else ""
        return f"{self.share:.3f} of float32's{copies}"


def _activations(records: Sequence[Record]) -> tuple[list[str], list[Kept]]:
    """Return the bytes that mixed precision keeps as a share of float32's, with words."""
    figures, shares = [], []
    for mixed in ("bf16_autocast", "fp16_scaled"):
        for plain, other in _pairs(records, "fp32", mixed):
            kept, base = other.values.get("activations"), plain.values.get("activations")
            if kept and base:
                copies = other.values.get("parameters", 0.0) / 2
                shares.append(Kept(kept / base, copies / base))
                figures.append(f"{mixed}, {_where(other.case)}: {shares[-1]}")
    return figures or ["no case with its activations counted beside float32's"], shares


def _lost_to_zero(records: Sequence[Record], variant: str) -> Iterator[tuple[Case, float]]:
    for record in _of(records, variant):
        if (lost := record.values.get("grad_lost_to_zero")) is not None:
            yield record.case, lost


def _of(records: Sequence[Record], variant: str) -> Iterator[Record]:
    """Return what a policy measured, unless its scale is made to climb into its end."""
    own = (r for r in records if r.case.variant == variant and r.outcome == "ok")
    return (r for r in own if not r.case.options.get("growth_interval"))


def _pairs(records: Sequence[Record], first: str, second: str) -> Iterator[tuple[Record, Record]]:
    """Pair the answers of two policies to the same question."""
    others = {record.case.question: record for record in _of(records, second)}
    for record in _of(records, first):
        if record.case.question in others:
            yield record, others[record.case.question]


def _where(case: Case) -> str:
    values = case.values
    sizes = [f"{name} {values[name]}" for name in ("dim", "channels") if name in values]
    return f"{case.problem.removesuffix('Training')} {' '.join(sizes)}".strip()


def _gap(gap: Mean) -> str:
    if gap.low is None or gap.high is None:
        return f"loss gap {gap.estimate:+.3g} (one seed)"
    return f"loss gap {gap.estimate:+.3g} ({gap.low:+.3g} to {gap.high:+.3g}, {gap.count} seeds)"


def _over_training(record: Record) -> str:
    lost = record.quality_of("grad_lost_fraction")
    return "" if lost is None else f"; {100 * lost.estimate:.2g} % over a training"
