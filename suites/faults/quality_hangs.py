"""A quality that never returns."""

import time

from bench import variant
from suites.faults.graded import Doubling, GradedDouble


class Hanging(Doubling):
    def worth(self, seed: int) -> float:
        while True:
            time.sleep(3600)


@variant
def quality_hangs(problem: GradedDouble) -> Hanging:
    """Sleep for ever; the quality is `timeout`, the case `ok`."""
    return Hanging()
