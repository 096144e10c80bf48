"""Two ranks begin CUDA and NCCL behind torchrun's engine, and sum what they hold."""

from __future__ import annotations

from bench.running.proving.gpucheck.asked import case_of, checked, over_ranks, samples_of, timed
from bench.running.proving.gpucheck.finding import Figure
from bench.running.proving.gpucheck.trial import Here

ORDER = 105
LIMIT_S = 90

RANKS = 2
N = 1 << 20
SHARE_S = 0.5


def ask(here: Here) -> list[Figure]:
    """Check and time a sum over two ranks; a machine with fewer cards skips it."""
    case = over_ranks(case_of("all_reduce", "Summed", here.device, n=N), RANKS)
    with here.server(cases=[case]) as server:
        check = checked(here, server, case)
        reply = timed(here, server, case, check, SHARE_S)
    return figures(samples_of(reply, "time") or [])


def figures(times_s: list[float]) -> list[Figure]:
    """Judge the seconds of a sum of 4 MiB; that it is right, the check has said."""
    fastest = min(times_s, default=None)
    return [
        Figure("samples", len(times_s), "1", 3, 1e6),
        Figure(f"a sum of {4 * N >> 20} MiB over {RANKS} ranks", fastest, "s", 1e-6, 1.0),
    ]
