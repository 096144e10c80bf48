"""An exception in the quality."""

from bench import variant
from suites.faults.graded import Doubling, GradedDouble


class Raising(Doubling):
    def worth(self, seed: int) -> float:
        raise RuntimeError("this network is not worth it")


@variant
def quality_throws(problem: GradedDouble) -> Raising:
    """Raise; the quality is `error`, the case `ok`."""
    return Raising()
