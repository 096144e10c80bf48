"""A quality that fails at its second seed."""

from bench import variant
from suites.faults.graded import Doubling, GradedDouble


class FailingLate(Doubling):
    def worth(self, seed: int) -> float:
        if seed == 1:
            raise RuntimeError("no luck with this seed")
        return 0.25


@variant
def quality_fails_late(problem: GradedDouble) -> FailingLate:
    """Raise at seed 1; the quality is `error`, what seed 0 found stays."""
    return FailingLate()
