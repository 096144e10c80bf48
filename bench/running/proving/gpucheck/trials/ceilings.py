"""Ceilings lie where the board's own clocks, cores and bus let them."""

from __future__ import annotations

import msgspec

from bench.machine.ceilings import Ceilings
from bench.running.proving.gpucheck.board import Board, board_of
from bench.running.proving.gpucheck.finding import Figure, NotTold
from bench.running.proving.gpucheck.trial import Here

ORDER = 20
LIMIT_S = 120

# Of the memory's own rate; beyond it is what the L2 keeps of a pass.
SHARE_OF_MEMORY = (0.4, 1.05)
ANY_BYTES_PER_S = (5e10, 2e13)
# FLOPs of one CUDA core in one cycle: tensor cores do up to a hundred, float64 on a card for
# players a hundredth. The bounds are to find wrong units and clocks, not slow cards.
FLOPS_PER_CORE_CYCLE = {
    "float64": (0.005, 4.5),
    "float32": (0.3, 16.0),
    "float16": (0.5, 300.0),
    "bfloat16": (0.1, 300.0),
}
ANY_FLOPS_PER_S = (1e10, 2e16)
LAUNCH_S = (2e-7, 5e-5)
WALL_S = (0.1, 60.0)


def ask(here: Here) -> list[Figure]:
    """Measure the ceilings as a run does."""
    with here.server() as server:
        asked = {"ceilings": {"device": here.device, "threads": 1}}
        reply = here.attempt(server, asked, 90.0)
    try:
        board = board_of(here.device)
    except NotTold:
        board = Board()
    return figures(msgspec.convert(reply["ceilings"], Ceilings), board)


def figures(found: Ceilings, board: Board) -> list[Figure]:
    """Judge ceilings by what the board can do; where it does not tell, by what any can."""
    return [
        *_memory(found, board),
        *_products(found, board),
        Figure("an empty kernel", found.launch_s, "s", *LAUNCH_S),
        Figure("measuring them", found.wall_s, "s", *WALL_S),
    ]


def _memory(found: Ceilings, board: Board) -> list[Figure]:
    largest = max(found.bandwidths, key=lambda b: b.moved_bytes)
    told = Figure("passes over memory", largest.bytes_per_s, "B/s", *ANY_BYTES_PER_S)
    if board.bytes_per_s is None:
        return [told]
    share = largest.bytes_per_s / board.bytes_per_s
    return [told, Figure("their share of the memory's rate", share, "1", *SHARE_OF_MEMORY)]


def _products(found: Ceilings, board: Board) -> list[Figure]:
    figures = []
    for made in found.products:
        rate = made.flops_per_s
        figures.append(Figure(f"{made.dtype} products", rate, "FLOP/s", *ANY_FLOPS_PER_S))
        if board.core_cycles_per_s is not None:
            each, name = rate / board.core_cycles_per_s, f"{made.dtype} a core and cycle"
            figures.append(Figure(name, each, "FLOP", *FLOPS_PER_CORE_CYCLE[made.dtype]))
    return figures
