"""How the surroundings of two runs differ, and which differences make their times meaningless."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.judging.surroundings import apart, facts_of_gpus
from bench.store import Run

# Facts of a session's environment that are named where they differ. Load, clocks and temperatures
# of the moment are not: what they did to a case is flagged there.
NAMED = (
    "cpu",
    "cores",
    "cores_usable",
    "frequency_policy",
    "caches",
    "kernel",
    "libc",
    "virtualisation",
    "container",
    "python",
    "torch",
    "cuda",
    "libraries",
)
# Other hardware, or the same hardware told to run at another speed, with other cores, instructions
# or pages: the times then differ for a reason that is no property of the code, and that no one who
# starts a run chooses for it. Software (libraries, kernel, variables, and what they do to kernels)
# may be just what is compared, so that it is named and nothing is refused for it.
VOID = (
    "machine",
    "device",
    "cores_usable",
    "frequency_policy",
    "cpu_features",
    "cpu_quota_cores",
    "boost",
    "simultaneous_multithreading",
    "memory_nodes",
    "transparent_huge_pages",
)
VOID_OF_GPUS = ("power_limit_w", "mig")


@dataclass(frozen=True)
class Difference:
    """A fact that differs between BASE and NEW, in words."""

    name: str
    base: str
    new: str
    void: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.base} → {self.new}"


def differences(base: Run, new: Run) -> Iterator[Difference]:
    """Yield what differs, the void differences first."""
    before, after = _facts(base), _facts(new)
    for name, (was, now) in apart(_environment(base), _environment(new)).items():
        before[name], after[name] = was, now
    names = sorted(before.keys() | after.keys(), key=lambda name: not _void(name))
    for name in names:
        was, now = before.get(name, "none"), after.get(name, "none")
        if was != now:
            yield Difference(name, was, now, _void(name))


def _void(name: str) -> bool:
    return name in VOID or (name.startswith("GPU ") and name.endswith(VOID_OF_GPUS))


def _facts(run: Run) -> dict[str, str]:
    """Return every fact that is named where it differs, in the order of telling."""
    environment = _environment(run)
    facts = {
        "machine": str(environment.get("machine_id", "unknown")),
        "device": run.manifest.device,
    }
    for name in NAMED:
        facts |= _flat(name, environment.get(name, "none"))
    if run.manifest.device != "cpu":  # what is idle there changes nothing
        facts |= facts_of_gpus(environment)
    return facts | _of_asking(run)


def _environment(run: Run) -> dict[str, Any]:
    return run.last_session.environment


def _flat(name: str, value: Any) -> dict[str, str]:
    """Return a fact, or those of a group of facts under their own names."""
    if isinstance(value, dict):
        return {str(key): str(own) for key, own in value.items() if str(key) != "torch"}
    return {name: str(value)}


def _of_asking(run: Run) -> dict[str, str]:
    """Return what was asked for, and of which code."""
    manifest = run.manifest
    changed = " with local changes" if manifest.git.get("dirty") else ""
    return {
        "commit": str(manifest.git.get("commit", "unknown"))[:12] + changed,
        "preset": manifest.preset,
        "sampling": f"{manifest.share_s:g} s an attempt",
        "rounds": " or ".join(map(str, manifest.checkpoints)),
        **_of_malloc(run),
    }


def _of_malloc(run: Run) -> dict[str, str]:
    """Return which malloc served the times, if they are a CPU's."""
    if not any(case.device == "cpu" for case in run.manifest.cases):
        return {}
    served = sorted({a.labels["malloc"] for a in run.attempts if "malloc" in a.labels})
    return {"malloc": " and ".join(served) or "not recorded"}
