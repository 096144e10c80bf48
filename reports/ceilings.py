"""What a run's device can do at best, in words."""

from __future__ import annotations

from bench.machine.ceilings import Ceilings
from bench.store import Run
from reports.words import rate


def ceilings_in_words(run: Run) -> str:
    """Tell the last session's ceilings, a clause a device and number of threads; empty: none."""
    return "; ".join(_one(ceilings) for ceilings in run.last_session.ceilings)


def _one(ceilings: Ceilings) -> str:
    where = ceilings.device if ceilings.device != "cpu" else _threads(ceilings.threads)
    if ceilings.disturbed:
        return f"{where}: disturbed by other work, so that nothing is held to them"
    products = [f"{p.dtype} {rate(p.flops_per_s)}" for p in ceilings.products]
    told = [*_memory(ceilings), *products]
    return f"{where}: {', '.join(told) or 'none measured'}"


def _memory(ceilings: Ceilings) -> list[str]:
    rates = [bandwidth.bytes_per_s for bandwidth in ceilings.bandwidths]
    if not rates:
        return []
    return [f"{rates[-1] / 1e9:.3g} GB/s from memory, {max(rates) / 1e9:.3g} from cache"]


def _threads(count: int) -> str:
    return f"{count} thread" + ("" if count == 1 else "s")
