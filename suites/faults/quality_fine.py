"""A quality without a fault."""

from bench import variant
from suites.faults.graded import Doubling, GradedDouble


class Graded(Doubling):
    def worth(self, seed: int) -> float:
        return 0.25


@variant
def quality_fine(problem: GradedDouble) -> Graded:
    """Return a number; the quality is `ok`."""
    return Graded()
