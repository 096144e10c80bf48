"""`bench doctor`: is this machine fit to measure on, in plain words."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import load, machine
from bench.errors import UserError
from bench.side import Side

_LOOK_S = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `advice` says what to do where it is not well."""

    what: str
    seen: str
    advice: str = ""


def doctor() -> None:
    """Look at what makes this machine's numbers noisy or impossible, and say what to do.

    Looks at the CPU for two seconds; measures nothing else.

    **Example**

    - `bench doctor`
    """
    console = Console()
    for finding in findings():
        mark = "[yellow]![/]" if finding.advice else "[green]+[/]"
        console.print(f"{mark} [bold]{finding.what}[/]: ", end="")
        console.print(finding.seen, markup=False, highlight=False)
        if finding.advice:
            console.print(f"    {finding.advice}", markup=False, highlight=False)


def findings() -> Iterator[Finding]:
    """Yield every finding, the cheap ones first."""
    facts = machine.facts()
    yield _interpreter()
    yield _workers()
    yield _cores(facts)
    yield _others()
    yield _frequency(facts)
    yield _virtual(facts)
    yield from _gpus(facts)


def _interpreter() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.platform == "linux"
    return Finding(
        "Python",
        f"{version} on {sys.platform}",
        "" if good else "isolation needs Linux: run in a Linux machine or container",
    )


def _workers() -> Finding:
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Side().serve(Path(folder) / "server.txt") as server,
        ):
            hello = server.hello
    except UserError as error:
        return Finding("worker server", str(error), "run `make setup`")
    advice = "" if hello["threads"] == 1 else "importing torch started threads; forks may hang"
    return Finding(
        "worker server", f"torch {hello['torch']}, CUDA {hello['cuda'] or 'none'}", advice
    )


def _cores(facts: dict[str, Any]) -> Finding:
    usable = facts["cores_usable"]
    advice = (
        ""
        if usable > 2
        else ("few cores: keep to threads=1 and run nothing else, or times will wander")
    )
    return Finding("cores", f"{usable} usable of {facts['cores']} ({facts['cpu']})", advice)


def _others() -> Finding:
    before = load.snapshot()
    time.sleep(_LOOK_S)
    seen = load.between(before, load.snapshot())
    text = (
        f"other processes use {seen.other_cores:.2f} cores, the host takes "
        f"{seen.stolen_share:.0%}, load {os.getloadavg()[0]:.1f}"
    )
    if seen.stolen_share > 0.05:
        return Finding("load", text, "the host shares this core with others: try later")
    busy = seen.other_cores > 0.25
    return Finding(
        "load",
        text,
        "stop other work first; samples that wait for a core are flagged" if busy else "",
    )


def _frequency(facts: dict[str, Any]) -> Finding:
    policy = facts["frequency_policy"]
    advice = (
        ""
        if policy in ("performance", "not exposed")
        else ("the clock follows load: `cpupower frequency-set -g performance` steadies it")
    )
    return Finding("CPU frequency", policy, advice)


def _virtual(facts: dict[str, Any]) -> Finding:
    seen = f"machine {facts['virtualisation']}, container {facts['container']}"
    shared = facts["virtualisation"] not in ("none", "none seen")
    return Finding(
        "virtualisation",
        seen,
        "neighbours can disturb a virtual machine: trust ratios within one run more than times"
        if shared
        else "",
    )


def _gpus(facts: dict[str, Any]) -> Iterator[Finding]:
    if not facts["gpus"]:
        yield Finding("GPU", "none seen by NVML")
    for gpu in facts["gpus"]:
        others, throttled = gpu.get("other_processes"), gpu.get("throttle_reasons")
        advice = []
        if isinstance(others, int) and others:
            advice.append(f"{others} other processes use it: stop them")
        if isinstance(throttled, int) and throttled > 1:  # 1 means idle
            advice.append(f"its clocks are held down (reasons {throttled:#x}): see nvidia-smi -q")
        yield Finding(
            f"GPU {gpu['index']}",
            f"{gpu['name']}, driver {gpu.get('driver')}, {gpu.get('temperature_c')} C",
            "; ".join(advice),
        )
