"""The outcome of a plan: in the terminal, as a CSV, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table as Grid

from bench.answers import Interval
from bench.reading import Page, Screen, Table, cannot_write, write_page, write_rows
from suites.distributed.planning import tables
from suites.distributed.planning.activations import activation_bytes
from suites.distributed.planning.holding import Plan, bytes_sent, elements, held
from suites.distributed.planning.step_time import HeldOut, Rates
from suites.distributed.planning.strategies import Planned
from suites.distributed.planning.units import gigabytes


@dataclass(frozen=True)
class Outcome:
    """A plan, and everything that it is answered with."""

    plan: Plan
    chosen: Sequence[Planned]
    memory: float | None
    rates: Rates | None
    held_out: Sequence[HeldOut]

    def tables(self) -> list[Table]:
        found = [tables.bytes_table(self.plan, self.chosen)]
        if self.memory is not None:
            found.append(tables.fit_table(self.plan, self.chosen, self.memory))
        found.append(tables.traffic_table(self.plan, self.chosen, self.rates))
        return found + ([tables.check_table(self.held_out)] if self.held_out else [])

    def said(self) -> list[str]:
        """Say what is planned, what is assumed, and how far a time can be trusted."""
        plan = self.plan
        kept = {
            way: gigabytes(
                activation_bytes(plan.shape, plan.batch, plan.seqlen, way, plan.precision)
            )
            for way in ("none", "selective", "full")
        }
        lines = [
            f"Predicted, not measured: {plan.shape.num_parameters:.4g} parameters on {plan.ranks} "
            f"ranks, Adam in {plan.precision}, {plan.batch} × {plan.seqlen} tokens a rank. GB are "
            "1e9 bytes.",
            f"Activations, {plan.shape.told}: {kept['none']} GB a rank without checkpointing, "
            f"{kept['selective']} selective, {kept['full']} full; counted: {plan.checkpointing}.",
        ]
        return lines + (self._of_times(self.rates) if self.rates else [])

    def _of_times(self, rates: Rates) -> list[str]:
        told = (
            f"Times: {rates.flops_per_s() / 1e9:.4g} GFLOP/s a rank as in the run's dtype, and its "
            "collectives' α and β; ranks have devices and links as those of the run."
        )
        if self.held_out:
            return [told]
        return [told, "Unchecked: a held-out world size needs a run that timed three of them."]


def show(screen: Screen, outcome: Outcome) -> None:
    """Print sentences and tables."""
    for sentence in outcome.said():
        screen.print(sentence)
    for table in outcome.tables():
        grid = Grid(
            box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False, title_justify="left"
        )
        for column in table.columns:
            right = column != table.columns[0]
            grid.add_column(column, justify="right" if right else "left", no_wrap=not right)
        for row in table.rows:
            grid.add_row(*row)
        screen.print()
        screen.tell((table.title, "bold"))
        screen.print(grid)


def write(outcome: Outcome, folder: Path) -> list[Path]:
    """Write `plan.csv` and `plan.html` into a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    from suites.distributed.planning.drawing import chart  # altair takes a second

    def seconds(plan: Plan, strategy: Planned) -> Interval | None:
        return tables.predicted(plan, strategy, outcome.rates) if outcome.rates else None

    drawn = chart(outcome.plan, outcome.chosen, outcome.memory, seconds)
    title = f"Plan: {outcome.plan.shape.num_parameters:.4g} parameters, predicted"
    page = Page(title, outcome.said(), [drawn], outcome.tables())
    paths = [folder / "plan.csv", folder / "plan.html"]
    rows = [_row(outcome, strategy) for strategy in outcome.chosen]
    write_rows(paths[0], list(rows[0]), rows)
    write_page(page, paths[1])
    return paths


def _row(outcome: Outcome, strategy: Planned) -> dict[str, object]:
    plan, own = outcome.plan, held(outcome.plan, strategy)
    time = tables.predicted(plan, strategy, outcome.rates) if outcome.rates else None
    moved = elements(plan, strategy)
    return {
        "strategy": strategy.name,
        "ranks": plan.ranks,
        "num_parameters": plan.shape.num_parameters,
        **{f"predicted_{kind}_bytes": count for kind, count in own.device.items()},
        "predicted_model_states_bytes": own.model_states,
        "predicted_device_bytes": own.total,
        "predicted_host_bytes": sum(own.host.values()),
        **{f"predicted_{name}_elements": moved.get(name, 0.0)
           for name in ("all_reduce", "reduce_scatter", "all_gather")},
        "predicted_sent_bytes": bytes_sent(plan, strategy),
        "predicted_time_s": time.estimate if time else "",
        "predicted_time_low_s": time.low if time and time.low is not None else "",
        "predicted_time_high_s": time.high if time and time.high is not None else "",
    }  # fmt: skip
