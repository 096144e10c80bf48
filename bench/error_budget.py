"""Errors of a result against float64, and the budget that an honest implementation may use."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.case import Measurement
from bench.variant import Unsupported

USELESS_L2 = 0.1  # a reference with a larger error than this would let anything pass
_TINY = 1e-30  # the budget of an output that is zero everywhere


@dataclass(frozen=True)
class Norms:
    """An error in two norms: L2 relative to the reference, and maximum over the elements."""

    l2: float
    maximum: float

    def of_a_repeat(self) -> tuple[float, float]:
        """Read as a budget: how far two honest results may differ, in maximum and in L2.

        Each may be a budget away from the truth; the L2 norm is later taken over few samples,
        whose scatter is allowed for by a factor of 3.
        """
        return (2 * self.maximum, 6 * self.l2)


@dataclass(frozen=True)
class Error:
    """The error of one output beside its budget."""

    name: str
    found: Norms
    budget: Norms

    @property
    def share(self) -> float:
        """Return the worse error as a share of its budget; at most 1 passes."""
        pairs = ((self.found.l2, self.budget.l2), (self.found.maximum, self.budget.maximum))
        return max(found / allowed if found else 0.0 for found, allowed in pairs)

    @property
    def within(self) -> bool:
        return self.share <= 1.0  # a NaN or inf error compares false, and so fails

    def describe(self) -> str:
        """Say what failed and by how much."""
        if self.found.maximum == float("inf"):
            return f"{self.name} is not finite everywhere"
        return (
            f"{self.name}: relative L2 error {self.found.l2:.2e} (budget {self.budget.l2:.2e}), "
            f"maximum {self.found.maximum:.2e} (budget {self.budget.maximum:.2e})"
        )

    def measurements(self) -> list[Measurement]:
        """Return both errors and the share of the budget, where they are finite."""
        values = {
            f"{self.name}_error_l2": self.found.l2,
            f"{self.name}_error_max": self.found.maximum,
            f"{self.name}_error_over_budget": self.share,
        }
        return [Measurement(k, "1", [v]) for k, v in values.items() if v < float("inf")]


def distance(got: Tensor, exact: Tensor) -> Norms:
    """Return the error of `got` against float64 `exact`; infinite where `got` is not finite."""
    got = got.detach().double()
    if not bool(torch.isfinite(got).all()):
        return Norms(float("inf"), float("inf"))
    difference = got - exact
    return Norms(_ratio(difference.norm(), exact.norm()), float(difference.abs().max()))


def budget(plain: Tensor, exact: Tensor, factor: float, dtype: torch.dtype) -> Norms:
    """Allow `factor` times the error of a plain computation in `dtype`, plus one rounding."""
    reference = distance(plain, exact)
    if not reference.l2 <= USELESS_L2:
        raise Unsupported(
            f"cannot be checked: a plain computation in {dtype} errs by {reference.l2:.2g} "
            f"(at most {USELESS_L2} makes a budget)"
        )
    rounding = torch.finfo(dtype).eps / 2
    return Norms(
        factor * reference.l2 + rounding,
        factor * reference.maximum + rounding * max(float(exact.abs().max()), _TINY),
    )


def errors(name: str, got: Tensor, exact: Tensor, allowed: Norms) -> Error:
    """Put the error of one output beside its budget."""
    return Error(name, distance(got, exact), allowed)


def _ratio(numerator: Tensor, denominator: Tensor) -> float:
    return float(numerator / denominator) if float(denominator) > 0 else float(numerator)
