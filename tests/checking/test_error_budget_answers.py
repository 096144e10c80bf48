"""Budgets of errors, in numbers that are known: by hand, by the quantiles they approximate."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
import torch
from torch import Tensor

from bench.cases.variant import Unsupported
from bench.checking import error_budget
from bench.checking.error_budget import NO_TERMS, Budget, Error, Norms, Terms, terms_of_gradient

INF = float("inf")
ORDERS = 2.0**-17  # what float32 sums in another order may differ by


def of(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def budget(exact: Tensor, norms: Norms, by_element: Tensor, size: float = 5.0) -> Budget:
    return Budget(exact, norms, by_element, size)


def test_two_honest_repeats_differ_by_two_budgets() -> None:
    assert Norms(l2=0.125, maximum=0.5, gain=0.25).of_a_repeat() == (1.0, 0.75)


def test_an_error_beside_its_budget_by_every_norm() -> None:
    """Of (3, 4) a tenth too much: .5 of a norm of 5, .3 and .4 by element."""
    known = budget(of(3.0, 4.0), Norms(0.2, 1.0, 0.05), of(1.0, 0.2))
    found = known.judge("out", of(3.3, 4.4))
    assert (found.found.l2, found.found.maximum, found.found.gain) == pytest.approx((0.1, 0.4, 0.1))
    assert found.worst == pytest.approx({"L2": 0.5, "scale": 2.0, "element": 2.0})
    assert (found.place, found.within) == ((1,), False)
    assert found.share == pytest.approx(2.0)
    among_terms = budget(of(3.0, 4.0), Norms(0.2, 1.0, 0.05), of(1.0, 0.2), size=10.0)
    assert among_terms.judge("out", of(3.3, 4.4)).found.gain == pytest.approx(0.05)


def test_an_error_across_is_no_scale() -> None:
    found = budget(of(3.0, 4.0), Norms(1.0, 1.0, 1.0), of(1.0, 1.0)).judge("out", of(3.4, 3.7))
    assert found.found.gain == pytest.approx(0.0, abs=1e-12)
    assert found.found.l2 == pytest.approx(0.1)


def test_of_an_output_of_zeros_the_error_itself_is_told() -> None:
    known = budget(of(0.0, 0.0), Norms(10.0, 1.0, 1.0), of(10.0, 10.0), size=0.0)
    found = known.judge("out", of(3.0, 4.0))
    assert (found.found.l2, found.found.gain, found.worst["element"]) == (5.0, 0.0, 0.4)
    assert found.place == (1,)


def test_a_share_of_one_passes() -> None:
    def shared(*shares: float) -> Error:
        norms = Norms(1.0, 1.0, 1.0)
        return Error(
            "out", norms, norms, dict(zip(("L2", "scale", "element"), shares, strict=True))
        )

    assert shared(0.5, 1.0, 0.25).within
    assert shared(0.5, 1.0, 0.25).share == 1.0
    assert not shared(0.5, 1.01, 0.25).within
    assert not shared(0.5, INF, 0.25).within


def test_where_nothing_is_allowed_anything_is_too_much() -> None:
    known = budget(of(3.0, 4.0), Norms(0.0, 0.0, 0.0), of(0.0, 0.0))
    exact, off = known.judge("out", of(3.0, 4.0)), known.judge("out", of(3.0, 4.5))
    assert set(exact.worst.values()) == {0.0}
    assert set(off.worst.values()) == {INF}


def test_what_is_not_finite_is_not_measured() -> None:
    known = budget(of(3.0, 4.0), Norms(0.5, 1.0, 0.5), of(1.0, 1.0))
    assert known.judge("out", of(3.0, INF)).measurements() == []
    measured = known.judge("out", of(3.0, 4.5)).measurements()
    assert {m.quantity: m.samples for m in measured} == {
        "out_error_l2": [0.1],
        "out_error_max": [0.5],
        "out_error_over_budget": [0.5],
    }


def test_terms_are_as_large_as_what_is_differentiated_over_its_size() -> None:
    """64 products of 3 have a norm of 24; over a size of 2 that is 12, allowed twice."""
    output, grad = torch.full((4, 16), 3.0), torch.ones(4, 16)
    twos = torch.full((5,), -2.0)
    assert terms_of_gradient([(output, grad)], twos) == Terms(24.0, 12.0)  # of four rows
    assert terms_of_gradient([(output, 2 * grad)], twos) == Terms(48.0, 24.0)
    both = terms_of_gradient([(output, grad), (output[0], grad[0])], twos)
    assert both.l2 == pytest.approx(math.hypot(24.0, 12.0))
    assert both.element == pytest.approx(both.l2 / math.sqrt(5))
    scalar = (torch.tensor(6.0), torch.tensor(1.0))
    assert terms_of_gradient([scalar], twos) == Terms(6.0, 6.0)
    three = terms_of_gradient([scalar] * 3, twos)
    assert (three.l2, three.element) == pytest.approx((6.0 * math.sqrt(3), 6.0))


def test_the_gradient_of_nothing_has_no_terms() -> None:
    pair = (torch.ones(4), torch.ones(4))
    assert terms_of_gradient([pair], torch.zeros(3)) == NO_TERMS == Terms(0.0, 0.0)
    assert terms_of_gradient([pair], torch.ones(0)) == NO_TERMS
    assert terms_of_gradient([], torch.ones(3)) == NO_TERMS


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_where_plain_errors_are_none_rounding_is_allowed(dtype: torch.dtype) -> None:
    """Of ones, a place has its neighbours' size and that of all: the root of two."""
    exact = torch.ones(8, 8, dtype=torch.float64)
    found = Budget.of(exact, [torch.zeros_like(exact)] * 2, dtype, 3.0, any_element=0.5)
    last_place = torch.finfo(dtype).eps / 2
    rounding = 0.425 * last_place + ORDERS
    assert found.norms.l2 == pytest.approx(rounding)
    assert found.norms.gain == pytest.approx(max(last_place, 1e-4))
    assert found.norms.maximum == pytest.approx(8 * 3 * rounding * math.sqrt(2) + 0.5)
    assert torch.allclose(found.by_element, torch.full_like(exact, found.norms.maximum))
    assert found.size == 8.0


def test_terms_widen_a_budget_as_values_would() -> None:
    exact = torch.ones(8, 8, dtype=torch.float64)
    plain, terms = [torch.zeros_like(exact)], Terms(l2=24.0, element=math.sqrt(7))
    found = Budget.of(exact, plain, torch.float32, 1.0, terms=terms)
    rounding = 0.425 * 2.0**-24 + ORDERS
    assert found.size == 24.0
    assert found.norms.l2 == pytest.approx(rounding * 24 / 8)
    assert found.norms.maximum == pytest.approx(8 * rounding * 3)  # 1 + 1 + 7 is 9


def test_of_nothing_a_scale_may_be_off_by_one_rounding() -> None:
    zero = torch.zeros(4, 4, dtype=torch.float64)
    found = Budget.of(zero, [zero], torch.bfloat16, 2.0)
    assert (found.norms.l2, found.norms.gain) == (0.0, 2.0**-9 * 2)


@pytest.mark.parametrize("unit", [2.0**-20, 2.0**20])
def test_a_budget_knows_no_unit(unit: float) -> None:
    """What is told relative to the output is alike however small that is; an element's scales."""
    exact, errors = noisy(1e-3)
    got = exact + errors.pop()
    budget = Budget.of(exact, errors, torch.float32, 2.0)
    scaled = Budget.of(unit * exact, [unit * error for error in errors], torch.float32, 2.0)
    found, also = budget.judge("out", got), scaled.judge("out", unit * got)
    assert also.worst == pytest.approx(found.worst)
    for of_one, of_other in ((budget.norms, scaled.norms), (found.found, also.found)):
        assert (of_other.l2, of_other.gain) == pytest.approx((of_one.l2, of_one.gain))
        assert of_other.maximum == pytest.approx(unit * of_one.maximum, abs=0.0)


def noisy(scale: float, count: int = 16) -> tuple[Tensor, list[Tensor]]:
    generator = torch.Generator().manual_seed(1)
    exact = torch.randn(32, 32, generator=generator, dtype=torch.float64)
    draws = (torch.randn(32, 32, generator=generator, dtype=torch.float64) for _ in range(count))
    return exact, [scale * draw for draw in draws]


def test_a_factor_beyond_all_scatter_is_the_budget() -> None:
    exact, errors = noisy(1e-3)
    plain = error_budget.spread(exact, errors)
    found = Budget.of(exact, errors, torch.float64, 100.0)
    assert found.norms.l2 == pytest.approx(100 * plain.l2 / float(exact.norm()), rel=1e-4)
    assert plain.l2 == pytest.approx(32e-3, rel=0.01)
    assert found.by_element.mean() == pytest.approx(8 * 100 * math.sqrt(2) * 1e-3, rel=0.02)


@pytest.mark.parametrize(("shared", "num_outputs"), [({}, 1), ({"num_outputs": 4}, 4)])
def test_scatter_is_allowed_at_a_rate_that_norms_and_outputs_share(
    shared: dict[str, int], num_outputs: int
) -> None:
    """Of a check that accuses an honest one in 1e-4, whatever its outputs and norms."""
    exact, errors = noisy(1e-2)
    plain = error_budget.spread(exact, errors)
    found = Budget.of(exact, errors, torch.float64, 1.0, **shared)
    questions = num_outputs * len(found.judge("out", exact).worst)
    below = plain.count * plain.freedom
    by_orders = (ORDERS * found.size, 1e-4 * found.size)
    scatter = math.sqrt((found.norms.l2 * found.size) ** 2 - by_orders[0] ** 2) / plain.l2
    along = math.sqrt((found.norms.gain * found.size) ** 2 - by_orders[1] ** 2) / plain.along
    for root, above in ((scatter / 1.25, plain.freedom), (along, 1.0)):
        assert rate_of(root, above, below) * questions == pytest.approx(1e-4, rel=1e-3)


def rate_of(root: float, above: float, below: float) -> float:
    """Return how often F exceeds a root's square, by Paulson: of its cube root a normal deviate."""
    cube_root, a, b = root ** (2 / 3), 2 / (9 * above), 2 / (9 * below)
    deviate = ((1 - b) * cube_root - (1 - a)) / math.sqrt(b * cube_root**2 + a)
    return NormalDist().cdf(-deviate)


@pytest.mark.parametrize("above", [1.0, 3.0, 200.0])
@pytest.mark.parametrize("below", [24.0, 300.0])
@pytest.mark.parametrize("rate", [1e-2, 1e-5])
def test_cube_roots_of_chi_squares_are_normal(above: float, below: float, rate: float) -> None:
    root = error_budget._root_of_f(above, below, rate)
    assert rate_of(root, above, below) == pytest.approx(rate, rel=1e-6)


def test_a_scatter_that_too_little_is_known_of_is_bounded() -> None:
    assert error_budget._root_of_f(1.0, 1.0, 1e-5) == 10.0  # Paulson's has no root
    assert error_budget._root_of_f(1.0, 4.0, 1e-4) == 10.0
    assert error_budget._root_of_f(1.0, 2 / 9, 0.5) == 10.0  # a divisor of exactly 0


@pytest.mark.parametrize(("share", "useful"), [(0.0999, True), (0.1, True), (0.1001, False)])
def test_plain_errors_above_a_tenth_make_no_budget(share: float, useful: bool) -> None:
    exact = of(1.0)
    plain = [share * exact]
    if useful:
        assert Budget.of(exact, plain, torch.float32, 1.0).size == 1.0
    else:
        with pytest.raises(Unsupported, match="cannot be checked"):
            Budget.of(exact, plain, torch.float32, 1.0)
