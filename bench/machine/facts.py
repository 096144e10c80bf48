"""Facts about the machine, fit to publish: hardware by kind, never by name or serial number."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.machine.gpus import gpu_facts
from bench.machine.libraries import versions
from bench.sides.checkout import nameless
from bench.sides.side import Side
from bench.system.families import belongs, shown

_CPU = Path("/sys/devices/system/cpu/cpu0")
_COMMON = re.compile(r"(\.|~|<env>|<python>|/usr|/lib|/lib64|/opt|/proc|/sys|/dev)(/|$)|[:;, ]+$")


def facts() -> dict[str, Any]:
    """Describe hardware, kernel and libraries. Torch is asked for its version, never imported."""
    hardware = _hardware()
    return {
        "machine_id": _machine_id(hardware),
        **hardware,
        "cores_usable": len(os.sched_getaffinity(0)),
        "frequency_policy": _read(_CPU / "cpufreq/scaling_governor") or "not exposed",
        "caches": _caches(),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "virtualisation": _virtualisation(),
        "container": _container(),
        "load_1m": os.getloadavg()[0],
        "python": platform.python_version(),
        "settings": settings({n: v for n, v in os.environ.items() if belongs(n)}),
        "libraries": versions(),
    }


def identity() -> str:
    """Return the hash of what this machine is; see `_machine_id`."""
    return _machine_id(_hardware())


def _hardware() -> dict[str, Any]:
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": _memory_total_bytes(),
        "gpus": gpu_facts(),
    }


def settings(variables: Mapping[str, str], side: Side | None = None) -> dict[str, str]:
    """Return environment variables as they may be published: of a private value only a hash."""
    return {name: _told(nameless(value, side)) for name, value in sorted(variables.items())}


def _told(value: str) -> str:
    """Keep places that everyone has, relative ones, and plain words, item by item."""
    items = re.split(r"([:;, ]+)", value)
    return "".join(item if _COMMON.match(item) else shown(item) for item in items)


def _machine_id(hardware: dict[str, Any]) -> str:
    """Hash what the machine is, so that equal machines compare equal and none is named."""
    kind = {
        "cpu": hardware["cpu"],
        "cores": hardware["cores"],
        "memory_gib": round(hardware["memory_bytes"] / 2**30),
        "gpus": [gpu["name"] for gpu in hardware["gpus"]],
    }
    return hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()[:12]


def _cpu_model() -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_total_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _caches() -> dict[str, str]:
    found = {}
    for index in sorted(_CPU.glob("cache/index*")):
        level, kind = _read(index / "level"), _read(index / "type")
        found[f"L{level} {kind}".strip()] = _read(index / "size")
    return found


def _virtualisation() -> str:
    if shutil.which("systemd-detect-virt"):
        done = subprocess.run(["systemd-detect-virt", "--vm"], capture_output=True, text=True)
        if done.stdout.strip():
            return done.stdout.strip()
    return "vm" if " hypervisor" in _read(Path("/proc/cpuinfo")) else "none seen"


def _container() -> str:
    if Path("/.dockerenv").exists():
        return "docker"
    if Path("/run/.containerenv").exists():
        return "podman"
    return os.environ.get("container", "none seen")  # noqa: SIM112


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
