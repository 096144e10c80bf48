"""The CPU's own counters: energy of its packages, and the clock of a core."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Measurement
from bench.machine.probes import frequency, rapl
from bench.machine.probes.meters import PACKAGE, Meters
from bench.timing.sampling import Samples
from tests.machine.timed_replies import CASE


def zone(root: Path, name: str, kind: str, energy_uj: int, range_uj: int = 1_000_000) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{kind}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return folder


def test_rapl_sums_packages_over_their_wrap(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 999_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 100)
    zone(tmp_path, "intel-rapl:0:0", "core", 5)
    zone(tmp_path, "intel-rapl:2", "psys", 5)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 5)
    before = rapl.read(tmp_path)
    assert sorted(before) == ["intel-rapl:0", "intel-rapl:1"]
    zone(tmp_path, "intel-rapl:0", "package-0", 4_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 2_100)
    assert rapl.joules_between(before, rapl.read(tmp_path)) == pytest.approx(0.005 + 0.002)


def test_a_package_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (zone(tmp_path, "intel-rapl:0", "package-0", 1) / "energy_uj").unlink()
    assert rapl.read(tmp_path) == {}
    assert rapl.read(tmp_path / "nowhere") == {}
    assert rapl.joules_between({}, {}) is None
    assert rapl.joules_between({"a": rapl.Counter(0, 9)}, {}) is None


def samples() -> Samples:
    return Samples(0.0, {"time": [1.0, 3.0]}, {}, 4.0, num_calls=4)


def test_the_window_knows_its_calls_and_its_energy(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meters = Meters(dataclasses.replace(CASE, device="cpu"), tmp_path)
    with meters:
        zone(tmp_path, "intel-rapl:0", "package-0", 8_000)
    window = meters.window(samples())
    assert (window.num_calls, window.in_calls_s) == (4, 8.0)
    assert 0 < window.seconds < 8.0
    found, labels = meters.found(window)
    assert found[0] == Measurement("energy", "J", [0.002])
    assert labels == {"energy_by": "rapl", "energy_of": PACKAGE}


@pytest.mark.parametrize("changes", [{"device": "cuda:0"}, {"device": "cpu", "ranks": 2}])
def test_the_package_tells_nothing_of_gpus_and_of_single_ranks(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meters = Meters(dataclasses.replace(CASE, **changes), tmp_path)
    with meters:
        zone(tmp_path, "intel-rapl:0", "package-0", 8_000)
    found, labels = meters.found(meters.window(samples()))
    assert [m.quantity for m in found if m.quantity != "cpu_clock"] == []
    assert labels == {}


def fake_proc(root: Path, core: int, flags: str) -> Path:
    (root / "self").mkdir(parents=True, exist_ok=True)
    (root / "self" / "stat").write_text(f"7 (a (b) c) S {' '.join(['0'] * 35)} {core} 0 0\n")
    blocks = [f"processor\t: {n}\ncpu MHz\t\t: {3000 + n}.5\nflags\t\t: {flags}\n" for n in (0, 1)]
    (root / "cpuinfo").write_text("\n".join(blocks))
    return root


def test_the_clock_is_that_of_the_core_it_runs_on(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path / "proc", 1, "fpu aperfmperf")
    cpus = tmp_path / "cpu"
    assert frequency.clock_mhz(cpus, proc) == 3001.5
    for core in (0, 1):
        (cpus / f"cpu{core}/cpufreq").mkdir(parents=True)
        (cpus / f"cpu{core}/cpufreq/scaling_cur_freq").write_text(f"{2_000_000 + core}\n")
    assert frequency.clock_mhz(cpus, proc) == 2000.001


def test_a_nominal_clock_is_no_measurement(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path / "proc", 0, "fpu hypervisor")
    assert frequency.clock_mhz(tmp_path, proc) is None
