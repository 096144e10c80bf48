"""Death by SIGSEGV in the quality."""

import ctypes

from bench import variant
from suites.faults.graded import Doubling, GradedDouble


class Crashing(Doubling):
    def worth(self, seed: int) -> float:
        ctypes.string_at(0)
        return 0.0


@variant
def quality_crashes(problem: GradedDouble) -> Crashing:
    """Read address 0; the quality is `crash`, the case `ok`."""
    return Crashing()
