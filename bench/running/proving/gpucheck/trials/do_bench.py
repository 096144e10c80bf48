"""Cold calls by the CUDA clock against triton.testing.do_bench, which flushes the L2 as well."""

from __future__ import annotations

from bench.running.proving.gpucheck.finding import Figure
from bench.running.proving.gpucheck.trial import Here

ORDER = 40
LIMIT_S = 60

RATIO = (0.9, 1.1)


def ask(here: Here) -> list[Figure]:
    """Time a product and a copy, both far longer than their launch, in both ways."""
    with here.server() as server:
        found = here.call(server, "do_bench:compared", 50.0, device=here.device)
    return figures(found)


def figures(found: dict[str, tuple[float, float]]) -> list[Figure]:
    """Judge pairs of seconds, ours and triton's, by what was timed."""
    return [
        Figure(f"ours over triton's, of {what}", a / b, "1", *RATIO)
        for what, (a, b) in found.items()
    ]
