"""What of a process differs from the next: address layout, malloc, huge pages, the core it runs on.

Every setting starts servers of its own, in turns; a server forks each workload a few times, and a
fork tells the median of a tenth of a second of calls. Forks of one server and servers beyond their
forks are told apart as in a selftest.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean, median, variance
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.results import FOLDER, Output, Row, machine_facts, tell, write

FORKS, SERVERS = 8, 5
SECONDS, WARM_UP = 0.08, 0.3  # of sampling in a fork, and the share before it
TIMEOUT_S = 300


@dataclass(frozen=True)
class Setting:
    """How a server is started, and what its forks do before anything is computed."""

    name: str
    fixed: bool = False
    huge_pages: bool = False
    core: int | None = None
    command: tuple[str, ...] = ()
    tunables: str = ""


SETTINGS = (
    Setting("malloc as it comes"),
    Setting("one address layout for all", command=("setarch", "-R")),
    Setting("pinned to a core", core=-1),
    Setting("huge pages, thresholds adapting", tunables="glibc.malloc.hugetlb=1"),
    Setting("thresholds fixed", fixed=True),
    Setting("thresholds fixed, huge pages", fixed=True, huge_pages=True),
)


def main(
    servers: Annotated[int, typer.Option(min=2, help="Servers of every setting.")] = SERVERS,
    output: Output = FOLDER,
) -> None:
    """Measure how forks and servers differ, setting by setting."""
    found: dict[str, list[dict[str, list[float]]]] = {setting.name: [] for setting in SETTINGS}
    for _ in range(servers):
        for setting in SETTINGS:
            found[setting.name].append(_serve(setting))
    rows = [row for name, told in found.items() for row in rows_of(name, told)]
    tell([], [write("placement", rows, machine_facts(), output)], Console(stderr=True))


def rows_of(setting: str, servers: list[dict[str, list[float]]]) -> Iterator[Row]:
    """Yield a row a workload: standard deviations of log medians by the method of moments."""
    for workload in servers[0]:
        logs = [[math.log(time_s) for time_s in server[workload]] for server in servers]
        forks = fmean(variance(own) for own in logs)
        between = variance([fmean(own) for own in logs]) - forks / len(logs[0])
        yield {
            "setting": setting,
            "workload": workload,
            "servers": len(servers),
            "forks": len(logs[0]),
            "fork_sd": math.sqrt(forks),
            "server_sd": math.sqrt(max(between, 0.0)),
            "time_s": math.exp(fmean(fmean(own) for own in logs)),
        }


def _serve(setting: Setting) -> dict[str, list[float]]:
    """Start one server and return, by workload, the seconds that its forks tell."""
    tunables = {"GLIBC_TUNABLES": setting.tunables} if setting.tunables else {}
    words = [*setting.command, sys.executable, "-m", "benchmarks.placement", setting.name]
    done = subprocess.run(
        words, env={**os.environ, **tunables}, capture_output=True, check=True, timeout=TIMEOUT_S
    )
    told: dict[str, list[float]] = json.loads(done.stdout)
    return told


def serve(setting: Setting) -> None:
    """Fork every workload in turns, and print what came of it."""
    import torch

    torch.set_num_threads(1)
    found: dict[str, list[float]] = {name: [] for name in WORKLOADS}
    for _ in range(FORKS):
        for name, workload in WORKLOADS.items():
            found[name].append(_fork(setting, workload))
    print(json.dumps(found))


def _fork(setting: Setting, workload: Callable[[], Callable[[], object]]) -> float:
    def told() -> float:
        _prepare(setting)
        return median_s(workload())

    found: float = forked(told)
    return found


def forked(told: Callable[[], object]) -> Any:
    """Return, through JSON, what a function tells in a fork of this process."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, json.dumps(told()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        said = stream.read()
    os.waitpid(pid, 0)
    return json.loads(said)


def _prepare(setting: Setting) -> None:
    from bench.state import allocator

    if setting.core is not None:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[setting.core]})
    if setting.fixed:
        allocator.fix()
    if setting.huge_pages and not allocator.ask_for_huge_pages():
        raise OSError("this kernel grants no huge pages")


def median_s(call: Callable[[], object], seconds: float = SECONDS) -> float:
    """Return the median seconds of a call, warmed up, sampled for about so many seconds."""
    begun = time.perf_counter()
    call()
    call()
    started = time.perf_counter()
    call()
    count = max(1, round(1e-3 / (time.perf_counter() - started)))
    while time.perf_counter() < begun + WARM_UP * seconds:
        call()
    samples: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 3:
        started = time.perf_counter()
        for _ in range(count):
            call()
        samples.append((time.perf_counter() - started) / count)
    return median(samples)


def _attention() -> Callable[[], object]:
    import torch

    q, k, v = (torch.randn(1, 8, 512, 64) for _ in range(3))
    return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v)


def _product() -> Callable[[], object]:
    import torch

    a, b = torch.randn(256, 256), torch.randn(256, 256)
    return lambda: a @ b


def _sum() -> Callable[[], object]:
    import torch

    a, b = torch.randn(1 << 20), torch.randn(1 << 20)
    return lambda: a + b


def _step() -> Callable[[], object]:
    import torch

    layers = torch.nn.Linear(256, 1024), torch.nn.GELU(), torch.nn.Linear(1024, 256)
    model, x = torch.nn.Sequential(*layers), torch.randn(64, 256)
    optimizer = torch.optim.AdamW(model.parameters())

    def step() -> None:
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    return step


WORKLOADS = {"attention": _attention, "product": _product, "sum": _sum, "step": _step}

if __name__ == "__main__":
    asked = [setting for setting in SETTINGS if sys.argv[1:] == [setting.name]]
    serve(asked[0]) if asked else typer.run(main)
