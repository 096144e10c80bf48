"""How much of a run is measuring, and what starting costs.

The share is seconds spent in calls of the steps over the wall time of the timed rounds, after
preparation. Takes run folders that are there, or records attention and
precision, each alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import UserError
from bench.sides.server import Server
from bench.sides.side import Side
from bench.store import Run, read
from benchmarks.results import FOLDER, Output, Quick, Row, Target, draw, machine_facts, tell, write
from reports.measuring import measuring_share

SUITES = ("attention", "precision")
LEAST_SHARE = {"attention": 0.85, "precision": 0.85}
MOST_S = {"help": 0.3, "first_sample": 6.0}
REPEATS = 9
ONE_CASE = (
    "attention/sdpa_math",
    *(word for axis in ("dtype=float32", "pass=fwd", "seqlen=256") for word in ("--set", axis)),
)
BENCH = (sys.executable, "-P", "-m", "bench")


def main(
    run: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="Take these run folders, a suite each; record none."),
    ] = None,
    preset: Annotated[str, typer.Option(help="Preset of the runs that are recorded.")] = "smoke",
    repeats: Annotated[int, typer.Option(min=1, help="Times each start is timed.")] = REPEATS,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Measure the share of time spent measuring, and the seconds that starting takes."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="touchstone-") as folder:
        try:
            rows = list(_rows(Path(folder), run, preset, 1 if quick else repeats, quick))
        except UserError as error:
            console.print(f"error: {error}", markup=False, soft_wrap=True)
            raise typer.Exit(error.exit_code) from None
    from benchmarks.cost_figures import share_figure

    paths = [write("share", rows, machine_facts(), output)]
    paths.append(draw("share", share_figure(rows), output))
    tell([_target(row) for row in rows], paths, console)


def _rows(
    folder: Path, runs: list[Path] | None, preset: str, repeats: int, quick: bool
) -> Iterator[Row]:
    yield _row("help", _repeat(repeats, _help_s))
    yield from start_rows(folder, repeats)
    if not quick:
        yield _row("first_sample", _repeat(max(1, repeats // 3), lambda: first_sample_s(folder)))
    for path in runs or ([] if quick else record(folder, preset)):
        yield share_row(read(path))


def share_row(run: Run) -> Row:
    """Say what share of a run's timed rounds was measuring."""
    suites = "+".join(sorted({case.suite for case in run.manifest.cases}))
    share = measuring_share(run)
    if share is None:
        raise UserError(f"{run.folder}: expected timed rounds, got none")
    return {
        "quantity": "measuring_share",
        "suite": suites,
        "unit": "1",
        "value": share,
        "asked": LEAST_SHARE.get(suites),
        "repeats": len([a for a in run.attempts if a.role == "time"]),
    }


def record(folder: Path, preset: str) -> Iterator[Path]:
    """Run each suite alone."""
    for suite in SUITES:
        yield _run(folder / suite, suite, "--preset", preset)


def first_sample_s(folder: Path) -> float:
    """Return seconds from starting `bench run` on one case until its first timed call, at most.

    From the start until the parent asks for the attempt, and what the attempt took beside its
    calls: the calls themselves lie before the end of that.
    """
    begun = time.time()
    attempts = read(_run(folder / str(begun), *ONE_CASE, "--rounds", "2")).attempts
    first = next((a for a in attempts if a.role == "time"), None)
    if first is None:
        raise UserError(f"expected a timed attempt of {ONE_CASE[0]}, got none")
    asked_s = datetime.fromisoformat(first.started).timestamp() - begun
    return asked_s + max(first.elapsed_s - first.measuring_s, 0.0)


def start_rows(folder: Path, repeats: int) -> Iterator[Row]:
    """Time a server's start, and an attempt that has nothing to do: fork, load, refuse, reply."""

    def server_s() -> float:
        begun = time.perf_counter()
        with Side().serve(folder / "server.txt") as server:
            server.wait_until_up()
            return time.perf_counter() - begun

    yield _row("server_start", _repeat(repeats, server_s))
    with Side().serve(folder / "server.txt") as server:
        yield _row("empty_attempt", _repeat(4 * repeats, lambda: _attempt_s(server, folder)))


def _attempt_s(server: Server, folder: Path) -> float:
    case = {"suite": "", "variant": "", "module": "no_such_module", "problem": "", "values": {}}
    log = str(folder / "log.txt")
    server.wait_until_up()
    begun = time.perf_counter()
    server.attempt({"case": case, "role": "check", "timeout_s": 60, "log": log})
    return time.perf_counter() - begun


def _help_s() -> float:
    begun = time.perf_counter()
    subprocess.run([*BENCH, "--help"], capture_output=True, check=True)
    return time.perf_counter() - begun


def _run(output: Path, *words: str) -> Path:
    """Run `bench run` and return the folder it made."""
    done = subprocess.run(
        [*BENCH, "run", *words, "--output", str(output)], capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise UserError(f"`bench run {' '.join(words)}` ended with {done.returncode}: {last}")
    (made,) = output.iterdir()
    return made


def _repeat(repeats: int, measure: Callable[[], float]) -> list[float]:
    return [measure() for _ in range(repeats)]


def _row(quantity: str, values: list[float]) -> Row:
    return {
        "quantity": quantity,
        "suite": "",
        "unit": "s",
        "value": median(values),
        "least": min(values),
        "most": max(values),
        "asked": MOST_S.get(quantity),
        "repeats": len(values),
    }


def _target(row: Row) -> Target:
    share = row["quantity"] == "measuring_share"
    got = f"{row['value']:.1%}" if share else f"{row['value']:.3f} s"
    what = f"{row['quantity']} {row['suite']}".strip()
    if row["asked"] is None:
        return Target(what, got, None)
    least = f"at least {row['asked']:.0%}" if share else f"at most {row['asked']:g} s"
    met = row["value"] >= row["asked"] if share else row["value"] <= row["asked"]
    return Target(f"{what}, {least}", got, met)


if __name__ == "__main__":
    typer.run(main)
