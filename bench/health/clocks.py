"""The CPU's clock: who sets it, whether it may rise, whether heat holds it down."""

from __future__ import annotations

from pathlib import Path

from bench.health.finding import ROOT, Finding, number, text
from bench.health.glance import Glance

_CPUS = "sys/devices/system/cpu"


def frequency(root: Path = ROOT) -> Finding:
    """Tell the governor and whether the clock may rise above the nominal one."""
    governors = {text(p) for p in (root / _CPUS).glob("cpu[0-9]*/cpufreq/scaling_governor")}
    boost = _boost(root)
    if not governors and boost is None:
        return Finding("CPU frequency", "not told here; a virtual machine's host decides")
    words = [f"governor {'/'.join(sorted(governors)) or 'not told'}"]
    if boost is not None:
        words.append(f"turbo {'on' if boost else 'off'}")
    advice = []
    if governors - {"performance", ""}:
        advice.append("the clock follows load: `cpupower frequency-set -g performance`")
    if boost:
        advice.append(f"turbo depends on heat and on other cores: {_turn_off(root)} as root")
    return Finding(
        "CPU frequency",
        ", ".join(words),
        "; ".join(advice),
        "free to change its clock" if advice else "",
    )


def heat(before: Glance, after: Glance) -> Finding:
    """Tell how often cores were slowed down for heat, and whether they are now."""
    now = after.heat_events - before.heat_events
    seen = f"{after.heat_events} slowdowns since boot, {now} while looking"
    if now:
        return Finding("heat", seen, "the CPU is too hot: let it cool, see to its fans", "too hot")
    advice = "it gets too hot under load: let it cool between runs" if after.heat_events else ""
    return Finding("heat", seen, advice, "easily too hot" if advice else "")


def _boost(root: Path) -> bool | None:
    no_turbo = number(root / _CPUS / "intel_pstate/no_turbo")
    if no_turbo is not None:
        return no_turbo == 0
    boost = number(root / _CPUS / "cpufreq/boost")
    return None if boost is None else boost == 1


def _turn_off(root: Path) -> str:
    if (root / _CPUS / "intel_pstate/no_turbo").exists():
        return f"`echo 1 > /{_CPUS}/intel_pstate/no_turbo`"
    return f"`echo 0 > /{_CPUS}/cpufreq/boost`"
