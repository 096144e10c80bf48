"""`bench calibrate`: what this device can do at best."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bench.commands.options import Device, Wait
from bench.errors import NOTHING_MEASURED, UserError
from bench.machine import facts as machine
from bench.machine.ceilings import Ceilings
from bench.machine.ceilings.ask import ask
from bench.running.lock import device_lock
from bench.running.session import served
from bench.sides.server import Server
from bench.sides.side import Side
from bench.system.files import write_whole
from bench.system.terminal import Screen


def calibrate(
    device: Device = "auto",
    threads: Annotated[
        str,
        typer.Option(
            metavar="N[,N...]",
            help="Numbers of threads, on a CPU. Default: one, and as many as there are cores.",
            show_default=False,
        ),
    ] = "",
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write them to a file.", show_default=False),
    ] = None,
    wait: Wait = False,
) -> None:
    """Measure this device's ceilings: bandwidth, products of every dtype, launch, timers.

    Each is the best of five rounds that interleave all probes; the percentage beside it is how far
    that lies above the worst round: the calibration's own error. Bytes are read and written.
    `bench run` measures them by itself, and shows which share of them a case reaches.

    **Examples**

    - `bench calibrate`
    - `bench calibrate --threads 1,8 --json ceilings.json`
    """
    console = Screen()
    counts = _threads(threads)
    with served(Side()) as (_, server):
        where = server.choose_device(device)
        server.expect_device(where)
        counts = counts if where == "cpu" else [1]  # a GPU does what it does at any number
        with device_lock(where, wait):
            found = _measure(console, server, [(where, count) for count in counts])
    if not found:
        raise typer.Exit(NOTHING_MEASURED)
    console.print(_table(found))
    if json_file is not None:
        _write(found, json_file)
        console.print(f"written to {json_file}", soft_wrap=True)


def _threads(text: str) -> list[int]:
    if not text:
        return sorted({1, len(os.sched_getaffinity(0))})
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch("[1-9][0-9]{0,4}", word) for word in words):
        raise UserError(f"--threads '{text}': expected whole numbers of at least 1, such as 1,8")
    return sorted({int(word) for word in words})


def _measure(console: Screen, server: Server, wanted: list[tuple[str, int]]) -> list[Ceilings]:
    def tell(line: str) -> None:
        console.print(line, style="yellow")

    return ask(server, wanted, server.log.with_name("ceilings.txt"), tell)


def _table(found: list[Ceilings]) -> Table:
    """Lay the ceilings out, a column for every number of threads."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column(found[0].device)
    columns = [_lines(ceilings) for ceilings in found]
    for ceilings in found:
        plural = "" if ceilings.threads == 1 else "s"
        mark = ", disturbed" if ceilings.disturbed else ""
        table.add_column(f"{ceilings.threads} thread{plural}{mark}", justify="right")
    for name in dict.fromkeys(name for lines in columns for name in lines):
        table.add_row(name, *(lines.get(name, "") for lines in columns))
    return table


def _lines(ceilings: Ceilings) -> dict[str, str]:
    """Write every ceiling with its unit; a size is bytes read and written in one pass."""
    passes = {
        f"moving {_size(b.moved_bytes)}": f"{b.bytes_per_s / 1e9:.1f} GB/s {b.spread:>4.0%}"
        for b in ceilings.bandwidths
    }
    products = {
        f"{p.dtype} products": f"{p.flops_per_s / 1e9:.1f} GFLOP/s {p.spread:>4.0%}"
        for p in ceilings.products
    }
    timers = {
        f"{t.clock}, a reading": f"{t.overhead_s * 1e9:.0f} ns, steps of {t.resolution_s * 1e9:.0f}"
        for t in ceilings.timers
    }
    launch = {"shortest call": f"{ceilings.launch_s * 1e6:.2f} µs"}
    return {**passes, **products, **launch, **timers}


def _size(num_bytes: int) -> str:
    mib = num_bytes / 2**20
    return f"{mib:.3g} MiB" if mib >= 1 else f"{num_bytes / 2**10:.0f} KiB"


def _write(found: Iterable[Ceilings], path: Path) -> None:
    """Write the ceilings and the machine they are of."""
    told = {"environment": machine.facts(), "ceilings": [asdict(c) for c in found]}
    write_whole(path, (json.dumps(told, indent=1) + "\n").encode())
