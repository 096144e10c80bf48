"""The clock of the core this process runs on, where the kernel measures one."""

from __future__ import annotations

from pathlib import Path

CPUS = Path("/sys/devices/system/cpu")


def clock_mhz(cpus: Path = CPUS, proc: Path = Path("/proc")) -> float | None:
    """Return the present clock in MHz; None where only a nominal one is known, as in most VMs.

    The mean over all cores would mostly tell of those that sleep.
    """
    core = _core(proc)
    try:
        return int((cpus / f"cpu{core}/cpufreq/scaling_cur_freq").read_text()) / 1000
    except (OSError, ValueError):
        return _from_cpuinfo(core, proc)


def _core(proc: Path) -> int:
    """Return the core that the calling thread last ran on."""
    stat = (proc / "self/stat").read_text(errors="replace")
    return int(stat.rpartition(")")[2].split()[36])  # field 39, see proc(5)


def _from_cpuinfo(core: int, proc: Path) -> float | None:
    """Read what the kernel got from the core's own cycle counters, if it has them.

    Read line by line, to stop early: with hundreds of cores the file is long.
    """
    mhz, here = None, False
    try:
        with (proc / "cpuinfo").open(errors="replace") as lines:
            for line in lines:
                name, _, value = (part.strip() for part in line.partition(":"))
                if name == "processor":
                    here = int(value) == core
                elif name == "cpu MHz" and here:
                    mhz = float(value)
                elif name == "flags" and "aperfmperf" not in value.split():
                    return None
                elif name == "flags" and here:
                    return mhz
    except (OSError, ValueError):
        return None
    return None
