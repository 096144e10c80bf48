"""Claims, answers and charts of position encodings and operators, over records of known law."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from bench.cases.case import Attempt, Case, Measurement, Plain
from bench.judging.record import Record, fold_case
from suites.operators import answers as operator_answers
from suites.operators import charts as operator_charts
from suites.operators import claims as operator_claims
from suites.positions import answers, charts, claims
from suites.positions.contexts import CONTEXTS

TIMES = (0.99, 1.0, 1.01)
SHAPE: dict[str, Plain] = {
    "batch": 1, "num_heads": 4, "seqlen": 256, "head_dim": 64, "causal": True, "context": 512,
}  # fmt: skip


def folded(
    case: Case, time_s: float, quality: Sequence[dict[str, list[float]]] = (), **counted: float
):
    found = [Measurement(name, "bytes", [value]) for name, value in counted.items()]
    attempts = [
        Attempt(case.id, "check", 0, 0, "ok"),
        Attempt(case.id, "memory", 0, 0, "ok", measurements=found),
    ]
    for seed, told in enumerate(quality):
        seen = [Measurement(name, "1", samples) for name, samples in told.items()]
        attempts.append(Attempt(case.id, "quality", 0, seed, "ok", measurements=seen))
    for number, factor in enumerate(TIMES if time_s else ()):
        taken = [Measurement("time", "s", [time_s * factor] * 3)]
        attempts.append(Attempt(case.id, "time", 0, number, "ok", measurements=taken))
    return fold_case(case, attempts)


def encoded(variant: str, time_s: float = 1e-3, **told: float) -> Record:
    case = Case("positions", variant, "m", "PositionedAttention", SHAPE,
                rounds=3 if time_s else 0, quality_seeds=3)  # fmt: skip
    quality = [{k: [v * factor] for k, v in told.items()} for factor in (0.9, 1.0, 1.1)]
    return folded(case, time_s, quality)


@pytest.mark.parametrize(("change", "verdict"), [(1e-15, "holds"), (0.1, "fails")])
def test_rope_is_held_to_relative_positions(change: float, verdict: str) -> None:
    records = [encoded("rope", logit_shift_change=change), encoded("learned", logit_shift_change=1)]
    assert claims.rope_sees_relative_positions_only.check(records).verdict == verdict
    assert claims.added_positions_are_absolute.check(records).verdict == "holds"
    alone = [encoded("nope", logit_shift_change=0.0)]
    assert claims.rope_sees_relative_positions_only.check(alone).verdict == "untested"


@pytest.mark.parametrize(("last", "verdict"), [(5e4, "holds"), (9e2, "fails")])
def test_a_base_that_shrinks_with_its_context_fails(last: float, verdict: str) -> None:
    first = [1e3 * (k + 1) for k in range(len(CONTEXTS) - 1)] + [last]
    told = {"base_first_fitting": first, "base_largest_failing": [b * 3 for b in first]}
    case = Case("positions", "rope", "m", "PositionedAttention", SHAPE, rounds=0, quality_seeds=1)
    finding = claims.rope_base_grows_with_context.check([folded(case, 0, [told])])
    assert finding.verdict == verdict
    assert f"{last:.0f} ({3 * last:.0f}) at {CONTEXTS[-1]}" in finding.figures[0]


def test_costs_are_told_beside_attention_without_positions() -> None:
    records = [encoded("nope"), encoded("rope", 1.05e-3), encoded("shaw", 4e-3)]
    assert claims.rotating_and_biasing_cost_little.check(records).verdict == "holds"
    slow = [encoded("nope"), encoded("alibi", 2e-3)]
    assert claims.rotating_and_biasing_cost_little.check(slow).verdict == "fails"
    (answer,) = answers.answers(records)
    assert answer.sentence.startswith("256 tokens, causal, float32, beside no encoding: ")
    assert "at most a tenth more with rope; " in answer.sentence
    assert answer.sentence.endswith("× with shaw.")
    assert answers.answers([encoded("shaw")]) == []


@pytest.mark.parametrize(("distance", "verdict"), [(0.5, "holds"), (1.5, "fails")])
def test_alibi_is_held_to_looking_near(distance: float, verdict: str) -> None:
    finding = claims.alibi_looks_near.check([encoded("alibi", attended_distance=distance)])
    assert finding.verdict == verdict


def loss(variant: str, batch: int, peak: float) -> Record:
    problem = "SoftmaxContrastive" if variant.startswith("softmax") else "SigmoidContrastive"
    values: dict[str, Plain] = {"batch": batch, "dim": 128, "scale": 10.0}
    case = Case("operators", variant, "m", problem, values, pass_="fwd_bwd", rounds=0)
    return folded(case, 0, peak=peak)


@pytest.mark.parametrize(("power", "verdict"), [(2, "holds"), (1, "fails")])
def test_the_memory_of_a_softmax_over_the_batch_is_its_square(power: int, verdict: str) -> None:
    records = [loss("softmax_whole", n, 16.0 * n**power) for n in (256, 512, 1024, 2048)]
    finding = operator_claims.softmax_memory_is_quadratic.check(records)
    assert finding.verdict == verdict
    assert "512–2048" in finding.figures[0]


@pytest.mark.parametrize(("peak", "verdict"), [(1e6, "holds"), (9.5e6, "fails")])
def test_a_sigmoid_in_chunks_is_held_to_less_memory(peak: float, verdict: str) -> None:
    records = [loss("softmax_whole", 1024, 1e7), loss("sigmoid_chunked", 1024, peak)]
    assert operator_claims.sigmoid_needs_less_memory.check(records).verdict == verdict
    (answer,) = operator_answers.answers(records)
    assert answer.sentence.startswith("A batch of 1024 pairs takes 9.54 MiB and ")


def upsampled(variant: str, time_s: float) -> Record:
    values: dict[str, Plain] = {"batch": 1, "channels": 8, "side": 32, "factor": 2}
    return folded(Case("operators", variant, "m", "LearnedUpsampling", values, rounds=3), time_s)


@pytest.mark.parametrize(("time_s", "verdict"), [(1e-3, "holds"), (4e-3, "fails")])
def test_shuffling_is_held_to_the_transposed_convolution(time_s: float, verdict: str) -> None:
    records = [upsampled("transposed_convolution", 2e-3), upsampled("pixel_shuffle", time_s)]
    assert operator_claims.shuffling_is_faster.check(records).verdict == verdict
    (answer,) = operator_answers.answers(records)
    winner = "pixel_shuffle" if time_s < 2e-3 else "transposed_convolution"
    assert f"Learned upsampling (batch 1, side 32, fwd): take {winner}, 2" in answer.sentence


def table(suite: str, variants: Sequence[str], **columns: object) -> pd.DataFrame:
    rows = [
        {"suite": suite, "variant": v, "case": f"{suite}/{v}/{i}", "outcome": "ok", "time_s": 1e-3,
         "time_low_s": 9e-4, "time_high_s": 2e-3, "peak_bytes": 1e6 * (i + 1), "device": "cpu",
         "dtype": "float32", "pass": "fwd", "cache": "warm", "allocator": "fixed", "threads": 1,
         "flags": None, **{k: c[i] if isinstance(c, list) else c for k, c in columns.items()}}
        for i, v in enumerate(variants)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_all_encodings_are_in_one_table_and_bases_are_drawn_by_context() -> None:
    names = ["nope", "learned"]
    own = {"parameters": [0.0, 9.0], "constants_bytes": [0.0, 1e3], "out_shift_change": [0.0, 1.0]}
    made = table("positions", names, problem="PositionedAttention", **SHAPE, **own)
    bases = pd.DataFrame(
        [("positions/nope/0", "positions", "nope", quantity, 0, k, 1e3 * (k + 1))
         for quantity in charts.BASES for k in range(len(CONTEXTS))],
        columns=["case", "suite", "variant", "quantity", "seed", "index", "value"],
    )  # fmt: skip
    drawn = charts.charts(made, bases)
    assert [chart.drawing is not None for chart in drawn] == [True, True]
    told = str(drawn[0].drawing.to_dict())
    assert "1, absolute" in told
    assert "0, relative" in told
    assert all(str(context) in str(drawn[1].drawing.to_dict()) for context in CONTEXTS)
    assert charts.charts(made[:0], bases[:0]) == []


def test_losses_are_drawn_by_batch_and_forms_by_size() -> None:
    losses = table("operators", ["softmax_whole"] * 2, problem="SoftmaxContrastive",
                   batch=[512, 1024], dim=128)  # fmt: skip
    forms = table("operators", ["pixel_shuffle"], problem="LearnedUpsampling", batch=1, side=32.0)
    drawn = operator_charts.charts(pd.concat([losses, forms]), pd.DataFrame())
    assert all(chart.drawing is not None for chart in drawn), [chart.caption for chart in drawn]
    assert [chart.title.partition(":")[0] for chart in drawn] == [
        "Contrastive losses by batch",
        "LearnedUpsampling, fwd",
    ]
