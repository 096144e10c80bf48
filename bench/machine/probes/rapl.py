"""Energy of the CPU packages as RAPL counts it, where the kernel lets us read it.

https://www.kernel.org/doc/html/latest/power/powercap/powercap.html
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Counter:
    """Microjoules since some moment; begins again at 0 after `range_uj`."""

    energy_uj: int
    range_uj: int


def read(root: Path = POWERCAP) -> dict[str, Counter]:
    """Read every package's counter; {} where there is none, or only root may read it.

    Parts of a package (`intel-rapl:0:0`) are counted in it; AMD's packages have the same names.
    """
    found = {}
    for zone in sorted(root.glob("intel-rapl:*")):
        if zone.name.count(":") > 1:
            continue
        try:
            if (zone / "name").read_text().startswith("package"):
                found[zone.name] = Counter(_number(zone / "energy_uj"), _range_uj(zone))
        except (OSError, ValueError):
            continue
    return found


def joules_between(before: dict[str, Counter], after: dict[str, Counter]) -> float | None:
    """Sum what the packages spent; None where one of two readings is missing.

    A counter may begin again once in between: at 500 W that takes minutes.
    """
    if not before or before.keys() != after.keys():
        return None
    spent_uj = 0
    for name, counter in after.items():
        spent_uj += (counter.energy_uj - before[name].energy_uj) % counter.range_uj
    return spent_uj * 1e-6


def _range_uj(zone: Path) -> int:
    return max(_number(zone / "max_energy_range_uj"), 1)


def _number(path: Path) -> int:
    return int(path.read_text())
