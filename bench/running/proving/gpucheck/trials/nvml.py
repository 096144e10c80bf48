"""Power, clocks, temperature and energy while the card is busy are what a busy card's can be."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from bench.cases.case import Window
from bench.machine.probes.sampler import Sampler
from bench.running.proving.gpucheck.asked import case_of, checked, samples_of, timed
from bench.running.proving.gpucheck.board import Board, board_of
from bench.running.proving.gpucheck.finding import Figure, NotTold
from bench.running.proving.gpucheck.trial import Here

ORDER = 80
LIMIT_S = 60

SIZE = 4096
SHARE_S = 4.0

Reply = dict[str, Any]


def ask(here: Here) -> list[Figure]:
    """Time products for some seconds beside the sampler, as a run does."""
    board = board_of(here.device)
    case = case_of("product", "Squared", here.device, n=SIZE)
    with here.server() as server, Sampler([case], here.folder) as sampler:
        check = checked(here, server, case)
        reply = sampler.watch(case, lambda: timed(here, server, case, check, SHARE_S))
        told = sampler.told()
    if "off" in told:
        raise NotTold(f"the sampler read nothing: {told['off']}")
    return figures(reply, board)


def figures(reply: Reply, board: Board) -> list[Figure]:
    """Judge the readings of a busy window; what the board does not tell is not told."""
    limit_w = board.power_limit_w or 2000.0
    clock_mhz = (board.sm_clock_hz or 5e9) / 1e6
    power_w = _mean(reply, "power")
    return [
        Figure("power", power_w, "W", 10.0, 1.25 * limit_w),
        Figure("power over its limit", _over(power_w, board.power_limit_w), "1", 0.1, 1.25),
        Figure("the SM clock", _mean(reply, "sm_clock"), "MHz", 100.0, 1.02 * clock_mhz),
        Figure("the memory's clock", _mean(reply, "memory_clock"), "MHz", 100.0, 2e4),
        Figure("temperature", _mean(reply, "temperature"), "C", 10.0, 110.0),
        Figure("utilisation", _mean(reply, "gpu_utilisation"), "1", 0.5, 1.0),
        Figure("energy over power and time", _energy_share(reply, power_w), "1", 0.7, 1.4),
    ]


def _mean(reply: Reply, quantity: str) -> float | None:
    found = samples_of(reply, quantity)
    return fmean(found) if found else None


def _over(value: float | None, limit: float | None) -> float | None:
    return None if value is None or limit is None else value / limit


def _energy_share(reply: Reply, power_w: float | None) -> float | None:
    """Return the energy of the window's calls over what its mean power comes to."""
    joules_a_call = _mean(reply, "energy")
    if joules_a_call is None or not power_w:
        return None
    window = Window(**reply["window"])
    return joules_a_call * window.num_calls / (power_w * window.seconds)
