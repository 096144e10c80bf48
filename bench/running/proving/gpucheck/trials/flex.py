"""flex_attention compiles, cold and then from its cache, and is right both times."""

from __future__ import annotations

from bench.running.proving.gpucheck.finding import Figure
from bench.running.proving.gpucheck.trial import Here

ORDER = 100
LIMIT_S = 120

ERROR = (0.0, 2e-2)  # of bfloat16


def ask(here: Here) -> list[Figure]:
    """Call it for the first time in two fresh processes that share compilers' caches."""
    with here.server() as server:
        cold, warm = (
            here.call(server, "flex:first_call", 55.0, device=here.device) for _ in range(2)
        )
    return figures(cold, warm)


def figures(cold: dict[str, float], warm: dict[str, float]) -> list[Figure]:
    """Judge both first calls, and that the second found what the first had compiled."""
    share = warm["seconds"] / cold["seconds"]
    return [
        Figure("the first call, cold", cold["seconds"], "s", 0.1, 50.0),
        Figure("the first call, from the cache", warm["seconds"], "s", 0.05, 30.0),
        Figure("from the cache over cold", share, "1", 0.0, 0.9),
        Figure("its error, cold", cold["error"], "1", *ERROR),
        Figure("its error, from the cache", warm["error"], "1", *ERROR),
    ]
