"""Formats: found out by rounding, they are what torch and the standards say; a bad one is found."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.cases.case import Case
from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from bench.judging.record import Record
from suites.precision import claims
from suites.precision.formats import NumberFormat, rounded
from suites.precision.ranges import RANGES
from suites.precision.standards import STANDARDS

CPU = Setting(torch.float32, torch.device("cpu"), "fwd")


def found(name: str, step: object = None) -> dict[str, float]:
    problem = NumberFormat(name)
    try:
        step = step or rounded.build(problem, CPU, {})
    except Unsupported as reason:
        pytest.skip(str(reason))
    verdict = problem.check(problem.call(step, CPU), problem.make_inputs(0, CPU), CPU)
    return {m.quantity: m.samples[0] for m in verdict.measurements}


@pytest.mark.parametrize("name", STANDARDS)
def test_a_format_holds_what_its_standard_says(name: str) -> None:
    figures = found(name)
    assert STANDARDS[name].figures().items() <= figures.items()


@pytest.mark.parametrize("name", [n for n in STANDARDS if n not in ("tf32", "float4_e2m1fn_x2")])
def test_standards_are_what_torch_says_of_its_types(name: str) -> None:
    told, own = torch.finfo(getattr(torch, name)), STANDARDS[name].figures()
    assert told.max == own["format_largest"]
    if name != "float8_e5m2fnuz":  # of which torch 2.13 says half the distance that its casts have
        assert told.eps == own["format_epsilon"]
    assert told.smallest_normal == own["format_smallest_normal"]


@pytest.mark.parametrize("name", RANGES)
def test_ranges_of_gradients_are_those_of_the_formats(name: str) -> None:
    standard, own = STANDARDS.get(name) or STANDARDS[f"{name}fn"], RANGES[name]
    figures = standard.figures()
    assert figures["format_smallest_normal"] == 2.0**own.normal
    assert figures["format_smallest_subnormal"] == 2.0**own.subnormal
    assert 2.0 ** (own.end - 1) <= figures["format_largest"] < 2.0**own.end


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_digits_are_those_of_torch(name: str) -> None:
    resolution = torch.finfo(getattr(torch, name)).resolution
    assert 10 ** -found(name)["format_decimal_digits"] == pytest.approx(resolution)


def test_a_rounding_that_flushes_subnormals_is_told() -> None:
    def flushed(numbers: Tensor) -> Tensor:
        cast = numbers.to(torch.float16).double()
        return torch.where(cast.abs() < 2.0**-14, 0.0, cast)

    figures = found("float16", flushed)
    assert figures["format_smallest_subnormal"] == 2.0**-14
    case = Case("precision", "rounded", "m", "NumberFormat", {"format": "float16"})
    judged = claims.formats_match_standards.check([Record(case, "ok", values=figures)])
    assert judged.verdict == "fails"
    assert "smallest_subnormal" in judged.figures[0]


@pytest.mark.parametrize("wrong", [lambda x: x.float().double() * 0.5, lambda x: -x])
def test_what_is_no_rounding_is_incorrect(wrong: object) -> None:
    with pytest.raises(Incorrect):
        found("float32", wrong)


def test_a_format_of_no_standard_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected format float32, .*, got 'posit16'"):
        NumberFormat("posit16")
