"""What the literature says of the loss under each policy, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import stdev

from bench.claims import (
    Finding,
    Record,
    Verdict,
    at_least,
    claim,
    near,
    ratio,
    together,
)
from suites.precision.claimed import (
    MIXED,
    SAME_LOSS,
    SPEEDUP,
    above,
    beyond,
    gap_in_words,
    of_policy,
    ordinary,
    pairs,
    same,
    times_in_words,
    where,
)
from suites.precision.naming import EXACT, TELLING

AMP = ("bf16_autocast", "fp16_scaled")


@claim("Kalamkar et al. 2019, arXiv:1905.12322, section 4")
def bf16_keeps_the_loss(records: Sequence[Record]) -> Finding:
    """BF16 mixed precision ends at float32's loss."""
    return _same_loss(ordinary(records), "bf16_autocast")


@claim(f"{MIXED}, section 4")
def scaled_fp16_keeps_the_loss(records: Sequence[Record]) -> Finding:
    """FP16 mixed precision with loss scaling ends at float32's loss."""
    return _same_loss(ordinary(records), "fp16_scaled")


@claim(f"{MIXED}, section 4; Kalamkar et al. 2019, arXiv:1905.12322, section 4")
def mixed_precision_stays_within_seeds(records: Sequence[Record]) -> Finding:
    """Mixed precision changes the final loss by less than another seed changes float32's.

    An equivalence test: the whole interval of the gap, paired by seed, within one standard
    deviation of float32's final losses over seeds.
    """
    figures: list[str] = []
    judged: list[Verdict] = []
    usual = ordinary(records)
    for plain, mixed in (pair for name in AMP for pair in pairs(usual, EXACT, name)):
        finals = [own[0] for own in plain.trajectories.get("final_loss", {}).values()]
        gap = mixed.quality_of("loss_gap")
        if gap is None or len(finals) < 2:
            continue
        spread = stdev(finals)
        judged.append(near(gap, 0.0, spread))
        told = f"{gap_in_words(gap)}, seeds {spread:.3g} apart"
        figures.append(f"{mixed.case.variant}, {where(mixed.case)}: {told}")
    return Finding(together(judged), figures or ["no final losses over two seeds or more"])


@claim(f"{MIXED}, section 3.1, of FP16; Kalamkar et al. 2019 keep FP32 weights for the same reason")
def pure_bf16_loses_updates(records: Sequence[Record]) -> Finding:
    """Weights kept in BF16 end at a higher loss than weights kept in float32."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in of_policy(records, "bf16_pure"):
        gap = record.quality_of("loss_gap")
        if gap is not None:
            figures.append(f"{where(record.case)}: {gap_in_words(gap)}")
            judged.append(above(gap, 0.0))
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
    """Kahan summation brings pure BF16 to the loss of BF16 mixed precision, within 1 %.

    Beside it stands BF16 with float32 master weights, which loses nothing of an update either.
    """
    figures: list[str] = []
    judged: list[Verdict] = []
    for mixed, kahan in pairs(records, "bf16_autocast", "bf16_kahan"):
        found = beyond(kahan, mixed)
        if found is not None:
            judged.append(near(found, 0.0, SAME_LOSS))
            figures.append(f"{where(kahan.case)}: {100 * found.estimate:+.2g} %")
    for mixed, masters in pairs(records, "bf16_autocast", "bf16_masters") if judged else ():
        found = beyond(masters, mixed)
        if found is not None:
            figures.append(f"master weights, {where(masters.case)}: {100 * found.estimate:+.2g} %")
    return Finding(together(judged), figures or ["no loss trajectory of both"])


@claim("NVIDIA A100 architecture whitepaper 2020: TF32")
def tf32_is_fast_float32(records: Sequence[Record]) -> Finding:
    """TF32 ends at float32's loss at a multiple of its speed."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for plain, tf32 in pairs(records, "fp32", "tf32"):
        times, gap = ratio(plain.rounds_of(), tf32.rounds_of()), tf32.quality_of("loss_gap")
        if times is None or gap is None:
            continue
        figures.append(
            f"{where(tf32.case)}: {times_in_words(times)} times as fast, {gap_in_words(gap)}"
        )
        judged += [at_least(times, SPEEDUP), same(tf32, gap)]
    return Finding(together(judged), figures or ["needs a GPU with TF32"])


def _same_loss(records: Sequence[Record], variant: str) -> Finding:
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in of_policy(records, variant):
        gap = record.quality_of("loss_gap")
        if gap is not None:
            figures.append(f"{where(record.case)}: {gap_in_words(gap)}")
            judged.append(same(record, gap))
        elif "diverged_at_step" in record.trajectories:
            figures.append(f"{where(record.case)}: diverged")
            judged.append("fails")
    return Finding(together(judged), figures or [f"no loss trajectory of {variant}"])


def _behind(records: Sequence[Record], variant: str) -> Finding:
    """Hold where a policy ends above float32 by more than is called the same loss."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in of_policy(records, variant):
        gap, final = (record.quality_of(name) for name in ("loss_gap", "final_loss"))
        if record.case.problem != TELLING or gap is None or final is None:
            continue
        least = SAME_LOSS * (final.estimate - gap.estimate)
        figures.append(
            f"{where(record.case)}: {gap_in_words(gap)}, float32 ends at {least * 100:.3g}"
        )
        judged.append(above(gap, least))
    return Finding(together(judged), figures or [f"no {TELLING} of {variant}"])
