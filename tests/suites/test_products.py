"""Products and convolutions: float8's are those of its numbers, rates and claims are told."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from bench.cases.case import Case
from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.judging.record import Record
from suites.operators import charts, claims
from suites.operators.convolution import Convolution, unfolded
from suites.operators.products import MatrixProduct, ScaledProduct, scaled_mm, widened

CPU = torch.device("cpu")
BF16 = Setting(torch.bfloat16, CPU)
SIZES = [(1, 16, 128), (32, 48, 64), (17, 32, 16)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_both_ways_multiply_the_same_numbers(sizes: tuple[int, ...], seed: int) -> None:
    problem = ScaledProduct(*sizes)
    inputs = problem.make_inputs(seed, BF16)
    for way in (scaled_mm, widened):
        problem.check(problem.call(way.build(problem, BF16, {}), BF16), inputs, BF16)


def test_a_product_without_its_scale_is_incorrect() -> None:
    problem = ScaledProduct(32, 48, 64)
    step = scaled_mm.build(problem, BF16, {})

    def unscaled(given):
        return step(given._replace(left_scale=torch.ones(())))

    inputs = problem.make_inputs(0, BF16)
    with pytest.raises(Incorrect):
        problem.check(problem.call(unscaled, BF16), inputs, BF16)


@pytest.mark.parametrize(("cols", "inner"), [(15, 16), (16, 24)])
def test_sizes_that_float8_does_not_take_are_refused(cols: int, inner: int) -> None:
    with pytest.raises(ValueError, match=f"expected cols and inner that 16 divides, got {cols}"):
        ScaledProduct(4, cols, inner)


@pytest.mark.parametrize(("side", "taps"), [(7, 3), (6, 1), (5, 5)])
def test_the_flops_of_a_convolution_are_of_taps_inside(side: int, taps: int) -> None:
    problem = Convolution(2, 3, 4, side, taps)
    inside = F.conv2d(torch.ones(1, 1, side, side), torch.ones(1, 1, taps, taps), padding=taps // 2)
    assert problem.flops(BF16) == 2 * 2 * 3 * 4 * int(inside.sum())
    exact = replace(BF16, dtype=torch.float64)
    inputs = problem.make_inputs(0, exact)
    (out,) = problem.reference(inputs, torch.float64)
    assert torch.allclose(out, unfolded.build(problem, exact, {})(inputs.tensors))


def test_even_taps_are_refused() -> None:
    with pytest.raises(ValueError, match="expected taps odd, got 4"):
        Convolution(taps=4)


def product(variant: str, time_s: float, device: str) -> Record:
    values = {"rows": 8, "inner": 16, "cols": 32}
    case = Case("operators", variant, "m", "P", values, dtype="bfloat16", device=device)
    times = {(0, i): [[time_s * (1 + i / 1000)]] for i in range(4)}
    return Record(case, "ok", samples={"time": times})


@pytest.mark.parametrize(
    ("times", "device", "verdict"),
    [(1.8, "cuda:0", "holds"), (1.0, "cuda:0", "holds"), (3.0, "cuda:0", "fails"),
     (0.1, "cpu", "untested")],
)  # fmt: skip
def test_up_to_twice_is_judged_on_a_gpu(times: float, device: str, verdict: str) -> None:
    records = [product("matmul", times, device), product("scaled_mm", 1.0, device)]
    found = claims.float8_products_up_to_double_the_rate.check(records)
    assert found.verdict == verdict
    assert found.figures == [f"8 x 16 x 32: {times:.2f} times"]


def test_rates_are_drawn_with_their_share() -> None:
    rows = pd.DataFrame(
        {
            "case": ["a", "b"],
            "variant": ["matmul", "conv2d"],
            "problem": ["MatrixProduct", "Convolution"],
            "dtype": ["float32", "bfloat16"],
            "device": "cpu",
            "pass": "fwd",
            "outcome": "ok",
            "rows": [8, None],
            "side": [None, 4],
            "time_s": 1.0,
            "flops_per_s": [1e9, 2e9],
            "roofline_share": [0.5, None],
        }
    )
    (chart,) = charts.charts(rows, pd.DataFrame())
    drawn = str(chart.drawing.to_dict())
    assert "50%" in drawn
    assert "rows 8" in drawn


def test_a_product_counts_its_bytes() -> None:
    assert MatrixProduct(2, 3, 5).bytes_moved(BF16) == 2 * (10 + 15 + 6)
    assert ScaledProduct(2, 16, 32).bytes_moved(BF16) == 64 + 512 + 2 * 32
