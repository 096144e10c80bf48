"""The profiler sees kernels on the device: the canary, one of a product, none of nothing."""

from __future__ import annotations

from bench.running.proving.gpucheck.finding import Figure, NotTold
from bench.running.proving.gpucheck.trial import Here

ORDER = 60
LIMIT_S = 60


def ask(here: Here) -> list[Figure]:
    """Profile a product, a copy and nothing, as the memory role does."""
    with here.server() as server:
        return figures(here.call(server, "kernels:seen", 50.0, device=here.device))


def figures(seen: dict[str, list[str] | None]) -> list[Figure]:
    """Judge how many kernels that compute were seen; None is a canary that was not."""
    blind = [what for what, names in seen.items() if names is None]
    if blind:
        raise NotTold(
            f"the profiler sees no kernel, not even the canary, beside {', '.join(blind)}: a "
            "driver may keep counters for administrators (NVreg_RestrictProfilingToAdminUsers)"
        )
    found = {what: len(names or []) for what, names in seen.items()}
    return [
        Figure("kernels that compute, of a product", found["a product"], "1", 1, 20),
        Figure("kernels that compute, of a copy", found["a copy"], "1", 0, 0),
        Figure("kernels that compute, of nothing", found["nothing"], "1", 0, 0),
    ]
