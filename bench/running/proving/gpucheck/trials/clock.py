"""The CUDA clock against kernels of known length, and against a plain pair of events."""

from __future__ import annotations

from bench.running.proving.gpucheck.board import board_of
from bench.running.proving.gpucheck.finding import Figure, NotTold
from bench.running.proving.gpucheck.trial import Here

ORDER = 30
LIMIT_S = 60


def ask(here: Here) -> list[Figure]:
    """Time spins of a known number of cycles, and one product, in several ways."""
    with here.server() as server:
        lengths = here.call(server, "clock:lengths", 40.0, device=here.device)
    try:
        clock_hz = board_of(here.device).sm_clock_hz
    except NotTold:
        clock_hz = None
    return figures(lengths, clock_hz)


def figures(lengths: dict[str, float], clock_hz: float | None) -> list[Figure]:
    """Judge lengths in seconds of spins and of a product by each other."""
    spin, product = lengths["spin_by_events"], lengths["product_by_events"]
    return [
        Figure("a long spin", spin, "s", 0.01, 2.0),
        Figure(
            "the host's clock over events, of it", lengths["spin_by_host"] / spin, "1", 0.98, 1.05
        ),
        Figure("ten times the cycles", lengths["tenfold_by_events"] / spin, "1", 9.8, 10.2),
        Figure(
            "the CUDA clock over events, of it", lengths["spin_by_clock"] / spin, "1", 0.98, 1.02
        ),
        Figure("a product", product, "s", 1e-6, 1.0),
        Figure(
            "the CUDA clock over events, of a product",
            lengths["product_by_clock"] / product,
            "1",
            0.9,
            1.1,
        ),
        _of_the_board(lengths["cycles_per_s"], clock_hz),
    ]


def _of_the_board(cycles_per_s: float, clock_hz: float | None) -> Figure:
    share = None if clock_hz is None else cycles_per_s / clock_hz
    return Figure("cycles of a spin a second, of the board's highest clock", share, "1", 0.2, 1.1)
