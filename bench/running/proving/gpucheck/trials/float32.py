"""Float32 is IEEE's in convolutions, products and recurrences, and TF32 where that is asked."""

from __future__ import annotations

from bench.running.proving.gpucheck.finding import Figure
from bench.running.proving.gpucheck.trial import Here

ORDER = 90
LIMIT_S = 60

# Errors in the L2 norm, relative to float64: sums of a thousand terms with 24 bits, and with 11.
# Winograd's convolutions lose a digit; of recurrences cuDNN need not heed what it may do.
IEEE = (0.0, 3e-5)
TF32 = (1e-4, 5e-3)
MAY_STAY_IEEE = ("recurrence",)
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
    shown = [what for what in tf32 if capability >= TENSOR_CORES and what not in MAY_STAY_IEEE]
    least = {what: TF32[0] if what in shown else 0.0 for what in tf32}
    return [
        *(Figure(f"the error of a {what}", error, "1", *IEEE) for what, error in ieee.items()),
        *(
            Figure(f"of a {what} in TF32", error, "1", least[what], TF32[1])
            for what, error in tf32.items()
        ),
    ]
