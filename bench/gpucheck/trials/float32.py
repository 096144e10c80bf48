"""Float32 is IEEE's in convolutions, products and recurrences, and TF32 where that is asked."""

from __future__ import annotations

from bench.gpucheck.finding import Figure
from bench.gpucheck.trial import Here

ORDER = 90
LIMIT_S = 60

# Errors in the L2 norm, relative to float64: sums of a thousand terms with 24 bits, and with 11.
IEEE = (0.0, 1e-5)
TF32 = (5e-5, 5e-3)
TENSOR_CORES = (8, 0)  # the first that know TF32


def ask(here: Here) -> list[Figure]:
    """Compute each in a worker as a run's are, then with TF32 asked for."""
    with here.server() as server:
        found = here.call(server, "float32:errors", 50.0, device=here.device)
    return figures(found["ieee"], found["tf32"], tuple(found["capability"]))


def figures(
    ieee: dict[str, float], tf32: dict[str, float], capability: tuple[int, ...]
) -> list[Figure]:
    """Judge errors by what computed them."""
    asked = TF32 if capability >= TENSOR_CORES else (0.0, TF32[1])
    return [
        *(Figure(f"the error of a {what}", error, "1", *IEEE) for what, error in ieee.items()),
        *(Figure(f"of a {what} in TF32", error, "1", *asked) for what, error in tf32.items()),
    ]
