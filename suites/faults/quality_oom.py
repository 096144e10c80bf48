"""More host memory than there is, for the quality."""

import torch

from bench import variant
from suites.faults.graded import Doubling, GradedDouble
from suites.faults.host_oom import CHUNK_BYTES


class Hoarding(Doubling):
    def worth(self, seed: int) -> float:
        hoard = []
        while True:
            hoard.append(torch.empty(CHUNK_BYTES, dtype=torch.uint8))


@variant
def quality_oom(problem: GradedDouble) -> Hoarding:
    """Allocate until the data limit stops it; the quality is `oom`, the case `ok`."""
    return Hoarding()
