"""The plan as tables, for terminal, page and CSV; units stand in every column's name."""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import Interval
from bench.reading import Table
from suites.distributed.planning import holding
from suites.distributed.planning.holding import Plan, bytes_sent, elements, held
from suites.distributed.planning.step_time import HeldOut, Rates
from suites.distributed.planning.strategies import KINDS, Planned
from suites.distributed.planning.timing import step_of
from suites.distributed.planning.units import gigabytes
from suites.distributed.theory import PASSES

SHORT = {"parameters": "param", "gradients": "grad", "momentum": "m", "variance": "v"}


def bytes_table(plan: Plan, chosen: Sequence[Planned]) -> Table:
    """Return the bytes of a rank's device by kind; of its host as one figure."""
    columns = ["strategy", *(f"{SHORT.get(kind, kind)}" for kind in KINDS)]
    rows = []
    for strategy in chosen:
        own = held(plan, strategy)
        by_kind = [gigabytes(own.device[kind]) for kind in KINDS]
        rest = (own.model_states, own.device["gathered"], own.total, sum(own.host.values()))
        rows.append([strategy.name, *by_kind, *map(gigabytes, rest)])
    return Table("Predicted GB a rank", [*columns, "states", "layer", "total", "host"], rows)


def fit_table(plan: Plan, chosen: Sequence[Planned], memory: float) -> Table:
    """Return what fits a rank's memory: this model, the largest one, the largest batch."""
    rows = []
    for strategy in chosen:
        fits = held(plan, strategy).total <= memory
        model = holding.largest_model(plan, strategy, memory)
        batch = holding.largest_batch(plan, strategy, memory)
        rows.append([strategy.name, "yes" if fits else "no", f"{model / 1e9:.3g}", f"{batch}"])
    columns = ["strategy", "fits", "largest model (1e9 params)", "largest batch a rank"]
    return Table(f"Predicted to fit {gigabytes(memory)} GB a rank", columns, rows)


def traffic_table(plan: Plan, chosen: Sequence[Planned], rates: Rates | None) -> Table:
    """Return elements and bytes of a step, and its time where a run told rates."""
    columns = ["strategy", "elements (1e9)", "sent a rank (GB)"]
    columns += ["step (s)", "low (s)", "high (s)"] if rates else []
    rows = []
    for strategy in chosen:
        moved = sum(PASSES[n] * c for n, c in elements(plan, strategy).items())
        row = [strategy.name, f"{moved / 1e9:.3g}", gigabytes(bytes_sent(plan, strategy))]
        rows.append(row + (_seconds(plan, strategy, rates) if rates else []))
    return Table("Predicted traffic a step" + (", and its time" if rates else ""), columns, rows)


def _seconds(plan: Plan, strategy: Planned, rates: Rates) -> list[str]:
    found = predicted(plan, strategy, rates)
    if found is None:
        return ["not timed", "", ""]
    return ["" if v is None else f"{v:.3g}" for v in (found.estimate, found.low, found.high)]


def predicted(plan: Plan, strategy: Planned, rates: Rates) -> Interval | None:
    """Return a step's time; None of what the run did not time, or what a host takes part in."""
    step = step_of(plan, strategy)
    if strategy.on_host or strategy.within or not rates.knows(step):
        return None
    return rates.seconds(step)


def check_table(found: Sequence[HeldOut]) -> Table:
    """Return predictions at a world size that no fit saw, beside what was measured there."""
    rows = []
    for one in found:
        ends = [one.predicted.estimate, one.measured.estimate, one.half_s]
        told = ["" if value is None else f"{value * 1e3:.4g}" for value in ends]
        within = {None: "not told", True: "yes", False: "no"}[one.within]
        rows.append([one.step.strategy, *told[:2], f"{one.error:+.0%}", f"±{told[2]}", within])
    columns = ["strategy", "predicted (ms)", "measured (ms)", "error", "stated (ms)", "within"]
    first = found[0]
    sizes = ", ".join(map(str, first.fitted_on))
    return Table(f"Held out: {first.step.ranks} ranks, fitted on {sizes}", columns, rows)
