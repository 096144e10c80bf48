"""Errors of a result against float64, and the budget that an honest implementation may use.

The budget stands on several independent plain realisations (`realisations.py`) and on a stated
rate: a computation that errs as a plain one does is accused in at most `FALSE_ACCUSATIONS` of
checks. Three norms look for three kinds of fault: L2 for what is wrong everywhere, the gain for a
scale that is off by less than the rounding of single elements, and every element by itself, on the
scale of its neighbours, for what is wrong in one place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from bench.cases.case import Measurement
from bench.cases.variant import Unsupported
from bench.checking.realisations import Spread, spread

FALSE_ACCUSATIONS = 1e-4  # of one check: all its outputs, in all norms
NORMS = 3
USELESS_L2 = 0.1  # a reference with a larger error than this would let anything pass
MOST_SCATTER = 10.0  # more is asked only where realisations are too few, or too dear
HONEST = 1.25  # implementations differ: up to so many times a plain one's error is no scatter
ELEMENT_SCALES = 8.0  # of one element, in scales of its place, times the factor
ROUNDED = 0.425  # of the largest relative rounding, its root mean square over all mantissas
TERMS = 2.0  # times their size as it is estimated
SUMMED = 2.0**-17  # relative: float32 sums in another order, of any length
GAIN_SUMMED = 1e-4  # below it a scale shows in L2


@dataclass(frozen=True)
class Norms:
    """An error in three norms.

    L2 relative to the reference, the largest element, and the gain: how far the scale is off.
    """

    l2: float
    maximum: float
    gain: float

    def of_a_repeat(self) -> tuple[float, float]:
        """Read as a budget: how far two honest results may differ, in maximum and in L2.

        Each may be a budget away from the truth; the L2 norm is later taken over few samples,
        whose scatter is allowed for by a factor of 3.
        """
        return (2 * self.maximum, 6 * self.l2)


@dataclass(frozen=True)
class Terms:
    """How large the terms were that a result is the difference of, in L2 and by element.

    A gradient may cancel to nothing (of one key, exactly) while each of its terms was rounded: an
    implementation that groups them otherwise is left with that rounding.
    """

    l2: float = 0.0
    element: float = 0.0


NO_TERMS = Terms()


def terms_of_gradient(differentiated: Sequence[tuple[Tensor, Tensor]], of: Tensor) -> Terms:
    """Estimate the terms of the gradient with respect to `of`.

    By the size of what is differentiated, every output times its upstream gradient (given as
    pairs), over that of `of`.
    """
    size = float(of.detach().abs().double().square().mean().sqrt()) if of.numel() else 0.0
    if not size:
        return NO_TERMS
    products = [float((out * grad.to(out.dtype)).abs().norm()) for out, grad in differentiated]
    rows = sum(out.numel() // (out.shape[-1] if out.dim() else 1) for out, _ in differentiated)
    whole = TERMS * math.hypot(*products) / size
    return Terms(whole, whole / math.sqrt(max(rows, 1)))


@dataclass(frozen=True)
class Error:
    """The error of one output beside its budget; `worst` is the largest share of it, by norm."""

    name: str
    found: Norms
    budget: Norms
    worst: dict[str, float]
    place: tuple[int, ...] = ()

    @property
    def share(self) -> float:
        """Return the worst error as a share of its budget; at most 1 passes."""
        return max(self.worst.values())

    @property
    def within(self) -> bool:
        return self.share <= 1.0  # a NaN or inf error compares false, and so fails

    def describe(self) -> str:
        """Say what failed and by how much."""
        if self.found.maximum == float("inf"):
            return f"{self.name} is not finite everywhere"
        norm = max(self.worst, key=lambda name: self.worst[name])
        where = f" at {self.place}" if norm == "element" else ""
        return (
            f"{self.name}: relative L2 error {self.found.l2:.2e} (budget {self.budget.l2:.2e}), "
            f"scale off by {self.found.gain:.2e} (budget {self.budget.gain:.2e}), largest element "
            f"error {self.found.maximum:.2e}; {norm} error {self.share:.3g} times its budget{where}"
        )

    def measurements(self) -> list[Measurement]:
        """Return both errors and the share of the budget, where they are finite."""
        values = {
            f"{self.name}_error_l2": self.found.l2,
            f"{self.name}_error_max": self.found.maximum,
            f"{self.name}_error_over_budget": self.share,
        }
        return [Measurement(k, "1", [v]) for k, v in values.items() if v < float("inf")]


@dataclass(frozen=True)
class Budget:
    """What one output may err: in norms, and by element (float64, the output's shape).

    `size` is the L2 norm of the exact output, or of the terms that it is the difference of.
    """

    exact: Tensor
    norms: Norms
    by_element: Tensor
    size: float

    @classmethod
    def of(
        cls,
        exact: Tensor,
        plain_errors: Sequence[Tensor],
        dtype: torch.dtype,
        factor: float,
        num_outputs: int = 1,
        terms: Terms | None = None,
        any_element: float = 0.0,
    ) -> Budget:
        """Allow `factor` times the plain errors, and the roundings that plain ones cannot show.

        `plain_errors` are those of independent realisations in `dtype`, in float64; the rate of
        false accusations is shared among `num_outputs`. `any_element` is an error that every single
        element may have besides. Unsupported where plain errors are too large.
        """
        terms = terms or NO_TERMS
        plain = spread(exact, plain_errors)
        size = max(float(exact.norm()), terms.l2)
        _expect_useful(plain, size, dtype)
        rounding = ROUNDED * torch.finfo(dtype).eps / 2 + SUMMED
        rate = FALSE_ACCUSATIONS / (NORMS * num_outputs)
        l2 = math.hypot(max(factor, HONEST * _scatter(plain, rate)) * plain.l2, rounding * size)
        one_rounding = max(torch.finfo(dtype).eps / 2, GAIN_SUMMED)
        along = factor * _quantile(plain, rate) * plain.along
        gain = math.hypot(along / size if size else 0.0, one_rounding)
        by_element = (
            _by_element(exact, plain, rounding, terms) * factor * ELEMENT_SCALES + any_element
        )
        norms = Norms(_ratio(l2, float(exact.norm())), float(by_element.max()), gain)
        return cls(exact, norms, by_element, size)

    def judge(self, name: str, got: Tensor) -> Error:
        """Put the error of one output beside this budget."""
        got, exact = got.detach().double(), self.exact
        if not bool(torch.isfinite(got).all()):
            infinite = Norms(float("inf"), float("inf"), float("inf"))
            return Error(name, infinite, self.norms, {"L2": float("inf")})
        error = got - exact
        norm = float(exact.norm())
        gain = abs(float((error * exact).sum())) / (norm * self.size) if norm else 0.0
        found = Norms(_ratio(float(error.norm()), norm), float(error.abs().max()), gain)
        shares = _share(error.abs(), self.by_element)
        worst = int(shares.argmax())
        return Error(
            name,
            found,
            self.norms,
            {
                "L2": _over(found.l2, self.norms.l2),
                "scale": _over(found.gain, self.norms.gain),
                "element": float(shares.reshape(-1)[worst]),
            },
            tuple(int(i) for i in torch.unravel_index(torch.tensor(worst), error.shape)),
        )


def _by_element(exact: Tensor, plain: Spread, rounding: float, terms: Terms) -> Tensor:
    """Return the scale of an error at every place: its neighbours', and what all places share."""
    size = plain.exact_by_cell.square() + exact.square().mean() + terms.element**2
    scale = (plain.by_cell.square() + plain.element**2 + rounding**2 * size).sqrt()
    return plain.spread_out(scale, exact)


def _expect_useful(plain: Spread, size: float, dtype: torch.dtype) -> None:
    error = _ratio(plain.l2, size)
    if not error <= USELESS_L2:
        raise Unsupported(
            f"cannot be checked: a plain computation in {dtype} errs by {error:.2g} "
            f"(at most {USELESS_L2} makes a budget)"
        )


def _scatter(plain: Spread, rate: float) -> float:
    """Return what the L2 norm of one more plain error exceeds, over that of the known ones."""
    return _root_of_f(plain.freedom, plain.count * plain.freedom, rate)


def _quantile(plain: Spread, rate: float) -> float:
    """Return the quantile of Student's t, two-sided."""
    return _root_of_f(1.0, plain.count * plain.freedom, rate)


def _root_of_f(above: float, below: float, rate: float) -> float:
    """Return the root of the quantile of F that is exceeded at a rate, at most `MOST_SCATTER`.

    Paulson 1942 (doi:10.1214/aoms/1177731609): cube roots of chi-squares are nearly normal. Within
    a tenth from 20 degrees of freedom below on, and too large under that; a worker has no scipy.
    """
    z = NormalDist().inv_cdf(rate)  # of either sign: it is squared
    a, b = 2 / (9 * above), 2 / (9 * below)
    square, linear, rest = (1 - b) ** 2 - z * z * b, (1 - a) * (1 - b), (1 - a) ** 2 - z * z * a
    if square <= 0:
        return MOST_SCATTER
    cube_root = (linear + math.sqrt(linear**2 - square * rest)) / square
    return min(cube_root**1.5, MOST_SCATTER)


def _over(found: float, allowed: float) -> float:
    """Divide; nothing is no share of nothing, and anything is too much of it."""
    if found == 0:
        return 0.0
    return found / allowed if allowed else float("inf")


def _share(error: Tensor, allowed: Tensor) -> Tensor:
    """Do the same element by element."""
    return torch.where(error == 0, 0.0, error / allowed)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else numerator
