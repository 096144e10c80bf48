"""A quality that needs what is not there."""

from bench import Unsupported, variant
from suites.faults.graded import Doubling, GradedDouble


class Refusing(Doubling):
    def worth(self, seed: int) -> float:
        raise Unsupported("needs a network that nobody has")


@variant
def quality_declined(problem: GradedDouble) -> Refusing:
    """Refuse; the quality is `unsupported`, the case `ok`."""
    return Refusing()
