"""NVIDIA's own profilers around a case: each watches a process that does nothing but its steps.

Ranges bear the names of the trace, by NVTX: set by torch's `emit_nvtx`, of each operator too. What
is watched lies between `cudaProfilerStart` and `cudaProfilerStop`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cases.case import Case
from bench.errors import UserError, in_one_line
from bench.profiling.folder import folder_of
from bench.sides.checkout import at_work
from bench.sides.side import Side
from bench.store import Run


@dataclass(frozen=True)
class Tool:
    """A profiler's command: the words before a process, and the ending of what it leaves."""

    name: str
    title: str
    words: tuple[str, ...]
    suffix: str


TOOLS = {
    "nsys": Tool(
        "nsys",
        "NVIDIA Nsight Systems",
        (
            "profile",
            "--trace=cuda,nvtx,cublas,cudnn",
            "--capture-range=cudaProfilerApi",
            "--capture-range-end=stop",
            "--force-overwrite=true",
            "--output",
        ),
        ".nsys-rep",
    ),
    "ncu": Tool(
        "ncu",
        "NVIDIA Nsight Compute",
        ("--nvtx", "--profile-from-start=off", "--force-overwrite", "--export"),
        ".ncu-rep",
    ),
}


def expect(names: Iterable[str], device: str) -> list[Tool]:
    """Return the tools; UserError where one is not installed, or has nothing to see."""
    tools = [TOOLS[name] for name in names]
    for tool in tools:
        if device == "cpu":
            raise UserError(f"--{tool.name}: {tool.title} watches a GPU; expected one, got cpu")
        if shutil.which(tool.name) is None:
            raise UserError(
                f"--{tool.name}: expected {tool.title} to be installed, there is no `{tool.name}` "
                "on PATH"
            )
    return tools


def watch(run: Run, side: Side, tools: list[Tool], tell: Callable[[str], None]) -> None:
    """Run each case that was profiled once under each tool; tell what came of it."""
    done = {a.case for a in run.attempts if a.role == "profile" and a.outcome == "ok"}
    for case in run.manifest.cases:
        for tool in tools if case.id in done else []:
            tell(_watched(run, side, tool, case))


def _watched(run: Run, side: Side, tool: Tool, case: Case) -> str:
    if case.ranks > 1:
        return f"{tool.name}: {case.id}: expected one rank; see the traces of its ranks"
    place = folder_of(run.folder, case)
    request, reply = place / f"{tool.name}.request.json", place / f"{tool.name}.reply.json"
    request.write_text(json.dumps(_request(run, side, case)))
    report = place / tool.name
    words = [shutil.which(tool.name) or tool.name, *tool.words, str(report.resolve())]
    alone = [side.interpreter, "-P", "-m", "bench.workers.alone", str(request), str(reply)]
    try:
        done = subprocess.run(
            [*words, *alone],
            env=side.environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10 * run.manifest.timeout_s,
        )
    except subprocess.TimeoutExpired:
        return f"{tool.name}: {case.id}: not done in {10 * run.manifest.timeout_s:g} s"
    finally:
        request.unlink()
    answer = _answer(reply)
    if answer.get("outcome") != "ok":
        why = answer.get("detail") or in_one_line(done.stderr or done.stdout)
        return f"{tool.name}: {case.id}: {answer.get('outcome', 'no result')}: {why}"
    return f"{tool.name:<22} {report.with_suffix(tool.suffix)}"


def _request(run: Run, side: Side, case: Case) -> dict[str, Any]:
    return {
        "case": at_work(case, side),
        "role": "profile",
        "timeout_s": run.manifest.timeout_s,
        "profile": {"nvtx": True},
    }


def _answer(reply: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(reply.read_text())
        reply.unlink()
    except (OSError, ValueError):
        return {}
    return found
