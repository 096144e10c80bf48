"""What the literature says of precision, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import Case
from bench.claims import Finding, Record, Verdict, claim, together
from suites.precision.claimed import MIXED, of_policy, pairs, where
from suites.precision.loss_claims import (
    bf16_keeps_the_loss,
    kahan_recovers_pure_bf16,
    mixed_precision_stays_within_seeds,
    pure_bf16_falls_behind_at_small_steps,
    pure_bf16_loses_updates,
    scaled_fp16_keeps_the_loss,
    scaling_recovers_the_loss,
    tf32_is_fast_float32,
    unscaled_fp16_falls_behind_at_small_gradients,
)
from suites.precision.standards import STANDARDS
from suites.precision.way_claims import (
    checkpointing_keeps_fewer_activations,
    gradients_summed_in_16_bits_lose,
)

# Told in modules of their own.
__all__ = [
    "bf16_keeps_the_loss",
    "checkpointing_keeps_fewer_activations",
    "gradients_summed_in_16_bits_lose",
    "kahan_recovers_pure_bf16",
    "mixed_precision_stays_within_seeds",
    "pure_bf16_falls_behind_at_small_steps",
    "pure_bf16_loses_updates",
    "scaled_fp16_keeps_the_loss",
    "scaling_recovers_the_loss",
    "tf32_is_fast_float32",
    "unscaled_fp16_falls_behind_at_small_gradients",
]

# Thresholds and their reasons; no run moves them.
HALF = 0.5
HALF_TOLERANCE = 0.1  # norms and losses stay in float32, so that it is never exactly half


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
    for scaled, unscaled in pairs(records, "fp16_scaled", "fp16_unscaled"):
        kept, lost = (r.values.get("grad_lost_to_zero") for r in (scaled, unscaled))
        if kept is None or lost is None:
            continue
        nothing_small = lost == kept == 0  # a model too small to have gradients that small
        judged.append("untested" if nothing_small else "holds" if lost > kept else "fails")
        figures.append(
            f"{where(unscaled.case)}: {100 * lost:.2g} % of the elements of a first step that are "
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
            f"{where(case)}: {lost:.2g} of the elements of a first step, {own:.2g} in float32"
        )
        judged.append("holds" if lost <= own else "fails")
    return Finding(together(judged), figures or ["no checked case of bf16_autocast"])


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
        for plain, other in pairs(records, "fp32", mixed):
            kept, base = other.values.get("activations"), plain.values.get("activations")
            if kept and base:
                copies = other.values.get("parameters", 0.0) / 2
                shares.append(Kept(kept / base, copies / base))
                figures.append(f"{mixed}, {where(other.case)}: {shares[-1]}")
    return figures or ["no case with its activations counted beside float32's"], shares


def _lost_to_zero(records: Sequence[Record], variant: str) -> Iterator[tuple[Case, float]]:
    for record in of_policy(records, variant):
        if (lost := record.values.get("grad_lost_to_zero")) is not None:
            yield record.case, lost


def _over_training(record: Record) -> str:
    lost = record.quality_of("grad_lost_fraction")
    return "" if lost is None else f"; {100 * lost.estimate:.2g} % over a training"
