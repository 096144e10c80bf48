"""Figures of precision: paired gaps, the scale, gradients beside ranges, and what is left out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from suites.precision import charts, gap_charts, gradient_charts
from suites.precision.ranges import LOWEST, NUM_OCTAVES, RANGES

STEPS, SEEDS = 40, 3
SHIFT = {"fp32": 1.0, "bf16_autocast": 1.02, "bf16_pure": 3.0}


def table(**more: Any) -> pd.DataFrame:
    rows = [
        {
            "case": f"case of {name}",
            "variant": name,
            "options": None,
            "problem": "GPTTraining",
            "pass": "train",
            "device": "cpu",
            "outcome": "ok",
            "dim": 8,
            "time_s": 1e-3,
            "time_low_s": 0.9e-3,
            "time_high_s": float("inf"),
            "final_loss": 2 * shift,
            "loss_gap": 2 * (shift - 1),
            "loss_gap_low": 2 * (shift - 1) - 0.01,
            "loss_gap_high": 2 * (shift - 1) + 0.01,
            "parameters_bytes": 100.0,
            "model_states_formula_bytes": 400.0,
            "skipped_steps": 2.0,
            **more,
        }
        for name, shift in SHIFT.items()
    ]
    return pd.DataFrame(rows)


def sampled(name: str, quantity: str, by_seed: dict[int, list[float]]) -> pd.DataFrame:
    rows = [
        (f"case of {name}", "precision", name, quantity, seed, index, value)
        for seed, samples in by_seed.items()
        for index, value in enumerate(samples)
    ]
    return pd.DataFrame(
        rows, columns=["case", "suite", "variant", "quantity", "seed", "index", "value"]
    )


def losses(seeds: int = SEEDS) -> pd.DataFrame:
    """Return losses that scatter from seed to seed far more than policies differ."""
    falling = {seed: [10.0**seed / (1 + i) for i in range(STEPS)] for seed in range(seeds)}
    return pd.concat(
        sampled(name, "loss", {s: [shift * loss for loss in own] for s, own in falling.items()})
        for name, shift in SHIFT.items()
    )


def octaves(at: int) -> list[float]:
    """Return shares of gradients that all lie in one octave."""
    return [0.0, *(float(LOWEST + i == at) for i in range(NUM_OCTAVES))]


def everything() -> pd.DataFrame:
    scales = {seed: [2.0**16] * 10 + [2.0**17] * 10 for seed in range(SEEDS)}
    return pd.concat(
        [
            losses(),
            sampled("bf16_pure", "loss_scale_by_step", scales),
            sampled("fp32", "gradient_octaves_Linear", {0: octaves(-20)}),
        ]
    )


def test_every_figure_is_drawn_in_order() -> None:
    found = charts.charts(table(), everything())
    assert [chart.title.partition(":")[0] for chart in found] == [
        "GPT on text",
        "Loss gaps over steps. GPT on text",
        "The scaler's scale over time. GPT on text",
        "Gradients beside the formats' ranges. GPT on text",
    ]
    for chart in found:
        assert chart.drawing.to_dict()["$schema"]


def test_the_telling_workload_comes_last() -> None:
    telling = table(problem="FineTuning")
    telling["case"] = telling["case"] + " again"
    found = charts.charts(pd.concat([telling, table()]), everything())
    assert found[0].title.startswith("GPT on text")
    assert "Small steps from large weights" in found[-1].title


@pytest.mark.parametrize("seeds", [1, 3])
def test_gaps_are_paired_by_seed(seeds: int) -> None:
    own = losses(seeds).assign(name=lambda frame: frame["variant"])
    gaps = gap_charts._gaps(own)
    assert set(gaps["name"]) == {"bf16_autocast", "bf16_pure"}
    wide = gaps[gaps["name"] == "bf16_pure"]
    assert wide["gap"].tolist() == pytest.approx([200.0] * len(wide))
    if seeds > 1:  # seeds a thousand times apart in loss leave no band
        assert (wide["high"] - wide["low"]).max() < 1e-6


def test_a_scale_that_stays_is_not_drawn() -> None:
    still = sampled("bf16_pure", "loss_scale_by_step", {0: [65536.0] * 20})
    found = charts.charts(table(), pd.concat([losses(), still]))
    assert not any("scale over time" in chart.title for chart in found)


def test_a_divergence_is_named_and_has_no_gap() -> None:
    rows = table()
    rows.loc[rows["variant"] == "bf16_pure", ["loss_gap", "final_loss"]] = float("nan")
    rows["diverged_at_step"] = rows["loss_gap"].isna().map({True: 7.0, False: float("nan")})
    found = charts.charts(rows, losses())
    assert found[0].caption.endswith("Diverged: bf16_pure at step 7.")


@pytest.mark.parametrize("at", range(-40, 8, 3))
def test_what_a_format_loses_is_what_its_range_says(at: int) -> None:
    own = sampled("fp32", "gradient_octaves_Linear", {0: octaves(at)})
    lost = gradient_charts.lost(own).set_index(["format", "how"])["percent"]
    for name in gradient_charts.NARROW:
        for how, scale in (("as it is", 0), ("scaled 2^16", 16)):
            below = at + scale < RANGES[name].subnormal - 1
            assert lost[name, how] == pytest.approx(100.0 * below), (name, how)


def test_what_is_no_training_is_not_drawn() -> None:
    assert charts.charts(table(**{"pass": "fwd"}), everything()) == []
    assert charts.charts(table(outcome="error"), everything()) == []


def test_without_float32_there_are_no_gaps() -> None:
    rows = table()
    others = rows[rows["variant"] != "fp32"]
    found = charts.charts(others, losses())
    assert [chart.title for chart in found] == ["GPT on text: dim 8"]


def test_other_ways_to_step_come_after_and_are_named() -> None:
    plain = table()
    plain["case"] = plain["case"] + " again"
    again = table(micro_batches=32.0, time_s=float("nan"), loss_gap=float("nan"))
    empty = everything().iloc[:0]
    found = charts.charts(pd.concat([again, plain]), empty)
    titles = [chart.title for chart in found]
    assert titles == ["GPT on text: dim 8", "GPT on text: dim 8, micro_batches 32"]
    assert "fp32" in str(found[1].drawing.to_dict())
    assert "Left" not in found[1].caption
