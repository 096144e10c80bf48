"""Answers of attention, precision and distributed over records whose law is known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from bench.cases.case import Case, Plain
from bench.judging.record import Record
from suites.attention import answers as attention
from suites.distributed import answers as distributed
from suites.precision import answers as precision

WOBBLE = (0.99, 1.0, 1.01, 1.0, 0.995)  # of a round; shared, so that ratios have little spread
_apart = itertools.cycle((1.0, 1.002, 0.998, 1.001, 0.999))  # what is a contestant's own


def record(case: Case, time_s: float | None, rounds: int = 5, noise: float = 1.0, **values: float):
    """Return a record timed in rounds; `noise` is the factor by which odd rounds are off."""
    times = {
        (0, i): [[time_s * WOBBLE[i] * next(_apart) * (noise if i % 2 else 1.0)]]
        for i in range(rounds if time_s else 0)
    }
    samples = {"time": times} if time_s else {}
    return Record(case, "ok", samples=samples, values=values)


def sentences(found: Sequence[object]) -> list[str]:
    return [answer.sentence for answer in found]  # type: ignore[attr-defined]


# Attention


def kernel(
    variant: str, n: int, time_s: float, peak: float = 1e6, noise: float = 1.0, rounds: int = 5,
    **case: object,
) -> Record:  # fmt: skip
    values: dict[str, Plain] = {"batch": 1, "num_heads": 4, "num_kv_heads": 4, "seqlen_q": n,
                                "seqlen_kv": n, "head_dim": 64, "causal": True}  # fmt: skip
    asked = Case("attention", variant, "m", "SoftmaxAttention", values, **case)  # type: ignore[arg-type]
    return record(asked, time_s, rounds, noise, peak=peak)


def grown(lengths: Sequence[int], **case: object) -> list[Record]:
    """Return `math` and a flash kernel twice as fast, at a tenth of its memory."""
    return [
        kernel(variant, n, cost * n, peak, **case)  # type: ignore[arg-type]
        for n in lengths
        for variant, cost, peak in (("math", 2e-6, 1e7), ("sdpa_flash", 1e-6, 1e6))
    ]


def test_one_that_wins_at_a_range_of_lengths_is_to_be_taken_from_there_on() -> None:
    (found,) = sentences(attention.answers(grown((256, 512, 1024))))
    assert found.startswith(
        "Causal float32 attention, from 256 tokens on (to 1024) take sdpa_flash"
    )
    assert found.endswith("× as fast as math, in 0.1 of math's memory.")
    assert "2.0" in found


def test_where_the_winner_changes_every_stretch_has_its_clause() -> None:
    below = [kernel("math", 64, 1e-6), kernel("sdpa_flash", 64, 3e-6)]
    even = [kernel(v, 128, 1e-6, noise=noise) for v, noise in (("math", 1), ("sdpa_flash", 1.4))]
    (found,) = sentences(attention.answers([*grown((256, 512)), *below, *even]))
    words = [
        "at 64 tokens take math, ",
        "; at 128 tokens math and sdpa_flash tie (",
        "; from 256 tokens on (to 512) take sdpa_flash, ",
    ]
    places = [found.index(word) for word in words]
    assert places == sorted(places)
    assert "would settle it" in found


def test_kinds_of_question_are_apart_and_those_with_most_lengths_come_first() -> None:
    one = grown((512,), pass_="fwd_bwd")
    two = grown((256, 512), dtype="bfloat16")
    found = sentences(attention.answers([*one, *two]))
    assert found[0].startswith("Causal bfloat16 attention, from 256")
    assert found[1].startswith("Causal float32 attention with its backward pass, at 512 tokens")


def test_batches_of_one_length_are_no_range_of_lengths() -> None:
    other = grown((256, 512))
    for one in other:
        one.case.values["batch"] = 8
    assert len(attention.answers([*grown((256, 512)), *other])) == 2


def test_one_round_or_no_rival_tells_nothing() -> None:
    alone = [r for r in grown((256, 512)) if r.case.variant == "math"]
    assert attention.answers(alone) == []
    assert attention.answers([Record(r.case, "crash") for r in alone]) == []
    once = [kernel(v, 256, t, rounds=1) for v, t in (("math", 9e-6), ("sdpa_flash", 1e-6))]
    (found,) = sentences(attention.answers(once))
    assert found.endswith("at 256 tokens sdpa_flash and math tie (two rounds or more would tell).")


# Precision


def policy(
    variant: str, time_s: float, gaps: Sequence[float] = (), peak: float = 1e6, noise: float = 1.0
) -> Record:
    case = Case("precision", variant, "m", "GPTTraining", {"dim": 128}, quality_seeds=len(gaps))
    found = record(case, time_s, noise=noise, peak=peak)
    found.trajectories["loss_gap"] = {seed: [gap] for seed, gap in enumerate(gaps)}
    found.trajectories["final_loss"] = {seed: [2.0 + gap] for seed, gap in enumerate(gaps)}
    return found


FP32 = policy("fp32", 2e-3, (0.0, 0.0, 0.0))


def test_the_fastest_at_no_loss_is_to_be_taken_and_what_it_saves_told() -> None:
    lossy = policy("bf16_pure", 0.5e-3, (0.2, 0.21, 0.22))
    mixed = policy("bf16_autocast", 1e-3, (0.001, 0.0, -0.001), peak=0.6e6)
    slow = policy("fp16_scaled", 1.5e-3, (0.001, 0.0, -0.001))
    (found,) = sentences(precision.answers([FP32, lossy, mixed, slow]))
    assert found.startswith("GPT dim 128: take bf16_autocast, ")
    assert "as fast as float32 in 0.60 of its memory; the loss ends within 1 %" in found
    assert "over 3 seeds" in found


def test_policies_that_tie_are_told_as_a_tie() -> None:
    same = [policy(v, 1e-3, (0.0, 0.001), noise=n) for v, n in (("bf16_autocast", 1), ("x", 1.05))]
    (found,) = sentences(precision.answers([FP32, *same]))
    assert "take any of bf16_autocast and x, which tie, " in found


def test_a_faster_policy_whose_loss_is_not_told_is_not_to_be_taken() -> None:
    (once,) = sentences(precision.answers([FP32, policy("bf16_pure", 1e-3, (0.0,))]))
    assert once.endswith("but one seed cannot tell what that does to the loss.")
    wild = policy("bf16_pure", 1e-3, (0.3, -0.3, 0.1))
    (found,) = sentences(precision.answers([FP32, wild]))
    assert "not at a loss shown to be within 1 %" in found
    assert "over 3 seeds" in found


def test_where_nothing_is_faster_it_is_said_with_what_would_settle_it() -> None:
    (slower,) = sentences(precision.answers([FP32, policy("bf16_autocast", 4e-3, (0.0, 0.0))]))
    assert "stay with float32" in slower
    noisy = policy("bf16_autocast", 1.8e-3, (0.0, 0.0), noise=1.3)
    (open_,) = sentences(precision.answers([FP32, noisy]))
    assert "no policy is shown to be faster than float32 (bf16_autocast" in open_
    assert "rounds would" in open_


def test_without_float32_or_with_failures_alone_nothing_is_said() -> None:
    assert precision.answers([policy("bf16_autocast", 1e-3, (0.0, 0.0))]) == []
    assert precision.answers([FP32]) == []
    assert precision.answers([FP32, Record(policy("tf32", 1.0).case, "unsupported")]) == []


# Distributed


def strategy(variant: str, held: float, time_s: float, noise: float = 1.0, **kept: object):
    case = Case("distributed", variant, "m", "DataParallelTraining", {"dim": 128}, ranks=2)
    stage = float(kept.get("zero_stage", 1))  # type: ignore[arg-type]
    found = record(case, time_s, noise=noise, model_states=held, zero_stage=stage)
    found.flags.extend(kept.get("flags", []))  # type: ignore[call-overload]
    return found


DDP = strategy("ddp", 16 * 2**20, 1e-3)


def test_a_strategy_says_what_it_saves_and_what_that_costs() -> None:
    half = strategy("fsdp2", 8 * 2**20, 1.4e-3)
    (found,) = sentences(distributed.answers([DDP, half]))
    assert found.startswith(
        "2 ranks: fsdp2 holds 0.50 of ddp's model states a rank (8 MiB instead of 16 MiB) for 1."
    )
    assert found.endswith("× its time.")
    assert "1.39" in found or "1.40" in found


def test_of_those_that_save_as_much_the_slower_is_left_out_and_ties_are_told() -> None:
    rivals = [strategy("zero3", 8e6, 3e-3), strategy("fsdp2", 8e6, 1.4e-3)]
    (found,) = sentences(distributed.answers([DDP, *rivals]))
    assert "zero3" not in found
    tie = [strategy("fsdp2", 8e6, 1.4e-3), strategy("other", 8e6, 1.4e-3, noise=1.1)]
    (found,) = sentences(distributed.answers([DDP, *tie]))
    assert "fsdp2 and other hold" in found
    assert found.endswith("× its time, and tie.")


def test_a_question_with_times_is_told_before_one_of_more_ranks_without() -> None:
    def of(ranks: int, variant: str, held: float, time_s: float | None):
        case = Case("distributed", variant, "m", "DataParallelTraining", {"dim": 128}, ranks=ranks)
        return record(case, time_s, model_states=held)

    untimed = [of(4, "ddp", 16e6, None), of(4, "fsdp2", 4e6, None), of(4, "zero1", 8e6, None)]
    (found,) = sentences(
        distributed.answers([*untimed, of(2, "ddp", 16e6, 1e-3), of(2, "fsdp2", 8e6, 2e-3)])
    )
    assert found.startswith("2 ranks: fsdp2 holds 0.50")
    (found,) = sentences(distributed.answers(untimed))
    assert found.startswith("4 ranks: fsdp2 holds 0.25")


def test_what_shards_everything_tells_its_cost_and_that_of_gathering_again() -> None:
    rivals = [
        strategy("fsdp2", 8 * 2**20, 1.25e-3, zero_stage=3),
        strategy("fsdp2_no_reshard", 8 * 2**20, 1e-3, zero_stage=3),
        strategy("zero3", 10 * 2**20, 3e-3, zero_stage=3),
        strategy("zero1", 12 * 2**20, 3e-3, zero_stage=1),
    ]
    first, *more = sentences(distributed.answers([DDP, *rivals]))
    assert first.startswith("2 ranks: fsdp2_no_reshard holds 0.50 of ddp's model states")
    assert "; fsdp2 0.50 for 1.2" in first
    assert "; gathering again for backward is 20% of fsdp2's step." in first
    assert "zero3" not in first
    assert "zero3 holds 0.62" in more[0]
    noisy = strategy("fsdp2", 8 * 2**20, 1.02e-3, noise=1.5, zero_stage=3)
    first, *_ = sentences(distributed.answers([DDP, noisy, *rivals[1:]]))
    assert "fsdp2 0.50" not in first
    assert "gathering again" not in first


@pytest.mark.parametrize(
    ("cost", "why"),
    [({"noise": 9.0}, "would"), ({"flags": ["oversubscribed"]}, "times are oversubscribed")],
)
def test_bytes_are_told_where_times_are_not(cost: dict, why: str) -> None:
    rivals = [strategy("fsdp2", 8e6, 1e-3, **cost), strategy("zero1", 12e6, 1e-3, **cost)]
    (found,) = sentences(distributed.answers([DDP, *rivals]))
    assert "fsdp2 holds 0.48 of ddp's model states" in found
    assert "zero1 holds 0.72; what any of that costs in time is not told (" in found
    assert why in found


def test_without_ddp_or_a_saving_nothing_is_said() -> None:
    half = strategy("fsdp2", 8e6, 1e-3)
    assert distributed.answers([half]) == []
    assert distributed.answers([DDP, strategy("bucketed", 16 * 2**20, 1e-3)]) == []
    assert distributed.answers([Record(half.case, "crash")]) == []
