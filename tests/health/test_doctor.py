"""Every reason for noise, from made-up kernel files; and the sentence that sums them up."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from bench.health import busy, clocks, counters, gpus, layout, noise, shape
from bench.health.finding import Finding, numbers_in
from bench.health.glance import Glance, glance
from bench.health.quota import quota, quota_cores, times_held
from bench.health.summary import ASK, summary
from bench.judging.noise_file import noise_path, remember
from bench.state.load import Snapshot
from tests.conftest import Bench
from tests.made_up_noise import Machine, selftests

EIGHT = set(range(8))


def write(root: Path, **files: str) -> Path:
    """Write files under a made-up root; `__` in a name stands for `/`."""
    for name, text in files.items():
        put(root, name.replace("__", "/"), text)
    return root


def put(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n")
    return root


def moment(wall_s: float = 0.0, busy_s: float = 0.0, steal_s: float = 0.0, **more: Any) -> Glance:
    counted = {"cpu_s": {}, "heat_events": 0, "swapped_pages": 0, "times_held": 0} | more
    return Glance(Snapshot(wall_s, busy_s, steal_s, 0.0, 0.0), **counted)


def test_the_kernel_lists_cpus_as_ranges() -> None:
    assert numbers_in("0-2,8") == {0, 1, 2, 8}
    assert numbers_in("") == set()


def test_load_names_kinds_of_processes() -> None:
    before = moment(cpu_s={"chrome": 5.0, "python": 1.0})
    after = moment(2.0, 3.0, cpu_s={"chrome": 7.0, "python": 1.02, "cc": 0.9})
    found = busy.others(before, after)
    assert found.seen.startswith("other processes use 1.50 cores (chrome 1.00, cc 0.45), load")
    assert found.makes_it == "busy"
    assert "stop other work" in found.advice
    quiet = busy.others(moment(), moment(2.0, 0.2))
    assert (quiet.advice, quiet.makes_it) == ("", "")


def test_processes_are_counted_by_their_short_names(tmp_path: Path) -> None:
    fields = " ".join(["0"] * 10)
    for pid, name in (("700001", "kworker/0:1"), ("700002", "kworker/1:0"), ("700003", "a (b) 1")):
        put(tmp_path, f"proc/{pid}/stat", f"{pid} ({name}) S {fields} 100 50 0 0")
    counted = glance(tmp_path).cpu_s
    assert counted.keys() == {"kworker", "a (b)"}
    assert counted["kworker"] == 2 * counted["a (b)"] > 0


def test_stolen_time_is_told() -> None:
    assert busy.stolen(moment(), moment(2.0, steal_s=9.0)).makes_it == "robbed of time by its host"
    assert not busy.stolen(moment(), moment(2.0)).advice


def test_swap_disturbs_only_while_it_moves(tmp_path: Path) -> None:
    root = write(tmp_path, proc__meminfo="SwapTotal: 4096 kB\nSwapFree: 1024 kB")
    assert busy.swap(moment(), moment(), root) == Finding(
        "swap", "3 MiB in use, 0 pages moved while looking"
    )
    assert busy.swap(moment(), moment(swapped_pages=7), root).makes_it == "short of memory"
    assert busy.swap(moment(), moment(), tmp_path / "none").seen == "none"


def test_counters_are_read_from_the_kernel(tmp_path: Path) -> None:
    write(tmp_path, proc__vmstat="nr_free 1\npswpin 3\npswpout 4")
    for cpu in (0, 1):
        folder = f"sys/devices/system/cpu/cpu{cpu}/thermal_throttle"
        put(tmp_path, f"{folder}/core_throttle_count", "2")
        put(tmp_path, f"{folder}/package_throttle_count", "5")
    found = glance(tmp_path)
    assert (found.swapped_pages, found.heat_events, found.times_held) == (7, 9, 0)


def test_heat_now_is_worse_than_heat_once() -> None:
    assert clocks.heat(moment(), moment(heat_events=3)).makes_it == "too hot"
    once = moment(heat_events=3)
    assert clocks.heat(once, once).makes_it == "easily too hot"
    assert not clocks.heat(moment(), moment()).advice


@pytest.mark.parametrize(
    ("files", "seen", "advised"),
    [
        ({}, "not told here", ""),
        ({"cpu0/cpufreq/scaling_governor": "performance"}, "governor performance", ""),
        (
            {"cpu0/cpufreq/scaling_governor": "powersave", "intel_pstate/no_turbo": "1"},
            "governor powersave, turbo off",
            "cpupower frequency-set -g performance",
        ),
        (
            {"cpu0/cpufreq/scaling_governor": "performance", "intel_pstate/no_turbo": "0"},
            "governor performance, turbo on",
            "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo",
        ),
        (
            {"cpufreq/boost": "1"},
            "governor not told, turbo on",
            "echo 0 > /sys/devices/system/cpu/cpufreq/boost",
        ),
    ],
)
def test_frequency(tmp_path: Path, files: dict[str, str], seen: str, advised: str) -> None:
    for name, text in files.items():
        put(tmp_path, f"sys/devices/system/cpu/{name}", text)
    found = clocks.frequency(tmp_path)
    assert found.seen.startswith(seen)
    assert advised in found.advice
    assert bool(found.advice) is bool(advised)
    assert bool(found.makes_it) is bool(advised)


def test_a_quota_of_the_group_or_of_one_around_it_counts(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/pod/me")
    assert quota_cores(tmp_path) is None
    assert quota(0, EIGHT, tmp_path) == Finding("CPU quota", "none")
    put(tmp_path, "sys/fs/cgroup/pod/me/cpu.max", "max 100000")
    put(tmp_path, "sys/fs/cgroup/pod/cpu.max", "150000 100000")
    put(tmp_path, "sys/fs/cgroup/pod/cpu.stat", "usage_usec 5\nnr_throttled 12")
    assert quota_cores(tmp_path) == 1.5
    assert times_held(tmp_path) == 12
    found = quota(times_held(tmp_path), EIGHT, tmp_path)
    assert found.seen == "1.5 cores in each period, was held 12 times"
    assert "taskset -c 0 bench run" in found.advice
    assert not quota(0, {0}, tmp_path).advice


def test_a_quota_of_the_older_kind(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "9:name=systemd:/\n1:cpu,cpuacct:/")
    put(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
    put(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    assert quota_cores(tmp_path) is None
    put(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000")
    assert quota_cores(tmp_path) == 2.0


def test_threads_of_one_core(tmp_path: Path) -> None:
    for cpu in range(4):
        path = f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        put(tmp_path, path, f"{cpu % 2},{cpu % 2 + 2}")
    found = shape.siblings({0, 1, 2, 3}, tmp_path)
    assert found.seen == "4 usable CPUs are 2 cores"
    assert "taskset -c 0,1 bench run" in found.advice
    assert not shape.siblings({0, 1}, tmp_path).advice
    assert not shape.siblings({0, 1}, tmp_path / "none").advice


def test_memory_nodes_with_cores_count(tmp_path: Path) -> None:
    put(tmp_path, "sys/devices/system/node/node0/cpulist", "0-3")
    put(tmp_path, "sys/devices/system/node/node1/cpulist", "")  # memory alone
    assert not shape.memory_nodes(tmp_path).advice
    put(tmp_path, "sys/devices/system/node/node2/cpulist", "4-7")
    assert shape.memory_nodes(tmp_path).seen == "2"
    assert "numactl" in shape.memory_nodes(tmp_path).advice


def test_few_cores_and_a_virtual_floor() -> None:
    facts = {"cores_usable": 2, "cores": 4, "cpu": "a CPU", "container": "none seen"}
    assert shape.cores(facts).makes_it == "small"
    assert not shape.cores({**facts, "cores_usable": 3}).advice
    assert shape.virtual({**facts, "virtualisation": "kvm"}).makes_it == "virtual"
    assert not shape.virtual({**facts, "virtualisation": "none"}).advice


def test_layout_of_memory(tmp_path: Path) -> None:
    assert not layout.addresses(tmp_path).advice
    assert not layout.huge_pages(tmp_path).advice
    write(tmp_path, proc__sys__kernel__randomize_va_space="0")
    write(tmp_path, sys__kernel__mm__transparent_hugepage__enabled="[always] madvise never")
    assert "intervals miss its effect" in layout.addresses(tmp_path).advice
    assert "madvise" in layout.huge_pages(tmp_path).advice
    write(tmp_path, proc__sys__kernel__randomize_va_space="2")
    write(tmp_path, sys__kernel__mm__transparent_hugepage__enabled="always [madvise] never")
    assert not layout.addresses(tmp_path).advice
    assert layout.huge_pages(tmp_path).seen == "madvise"
    write(tmp_path, proc__self__personality="00040000")
    assert "start from a plain shell" in layout.addresses(tmp_path).advice
    write(tmp_path, proc__self__personality="00000000")
    assert not layout.addresses(tmp_path).advice


GPU = {
    "index": 0,
    "name": "a GPU",
    "driver": "1",
    "temperature_c": 40,
    "mig": False,
    "other_processes": 0,
    "throttle_reasons": 1,
}


@pytest.mark.parametrize(
    ("changes", "makes_it", "advised"),
    [
        ({}, "", ""),
        ({"other_processes": 2}, "sharing its GPU", "2 other processes"),
        ({"throttle_reasons": 0x44}, "slowing its GPU down", "power cap, too hot (hardware)"),
        ({"mig": True, "other_processes": 1}, "sharing its GPU", "sliced (MIG)"),
        ({"throttle_reasons": "not exposed: x", "mig": "not exposed: x"}, "", ""),
    ],
)
def test_gpus(changes: dict[str, Any], makes_it: str, advised: str) -> None:
    found, _ = gpus.gpus({"gpus": [GPU | changes]})
    assert found.makes_it == makes_it
    assert advised in found.advice
    assert bool(found.advice) is bool(advised)


def test_gpu_readings_need_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    *_, readable = gpus.gpus({"gpus": [GPU]})
    assert "throttling goes unseen" in readable.advice
    monkeypatch.delenv("CUDA_DEVICE_ORDER")
    *_, readable = gpus.gpus({"gpus": [GPU]})
    assert not readable.advice
    assert [f.seen for f in gpus.gpus({"gpus": []})] == ["none seen by NVML"]


def test_energy_that_only_root_may_read(tmp_path: Path) -> None:
    assert "no RAPL" in counters.energy(tmp_path).seen
    zone = "sys/class/powercap/intel-rapl:0"
    put(tmp_path, f"{zone}/name", "package-0")
    assert "only root" in counters.energy(tmp_path).seen
    put(tmp_path, f"{zone}/energy_uj", "5")
    put(tmp_path, f"{zone}/max_energy_range_uj", "9")
    assert "read by RAPL" in counters.energy(tmp_path).seen


def test_the_summary_says_what_to_do_first() -> None:
    quiet = [Finding("load", "0 cores"), Finding("Python", "3", "advice that is not about noise")]
    assert summary(quiet) == (
        f"This machine looks quiet: nothing seen that makes times wander; {ASK}."
    )
    noisy = [
        *quiet,
        Finding("load", "2 cores", "stop other work", "busy"),
        Finding("GPU 0", "", "stop them", "sharing its GPU"),
        Finding("GPU 1", "", "stop them", "sharing its GPU"),
        Finding("cores", "2", "few", "small"),
    ]
    assert summary(noisy, "by 3 %") == (
        "This machine is busy, sharing its GPU and small: expect times to wander; by 3 %. "
        "First: stop other work."
    )


def test_doctor_ends_with_one_sentence(bench: Bench) -> None:
    done = bench("doctor")
    assert done.returncode == 0, done.stderr
    last = " ".join(done.stdout.split("\n\n")[-1].split())
    assert last.startswith("This machine ")
    assert last.endswith(".")
    assert "worker server: torch" in done.stdout
    for what in ("Python", "load", "GPU", "CPU quota", "heat", "swap", "memory nodes", "cores"):
        assert f"{what}: " in done.stdout


def test_what_selftests_found_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    assert noise.selftests("machine", "cpu").advice == noise.RUN_ONE
    assert noise.wander("machine", "cpu") == ASK
    steady = selftests(Machine(process=0.01), random.Random(1))
    remember(noise_path("machine", "cpu"), steady)
    assert noise.selftests("machine", "cpu").advice == noise.RUN_MORE
    assert re.fullmatch(
        r"from process .* by \d\.\d% \(compute\), .*", noise.wander("machine", "cpu")
    )
    remember(noise_path("machine", "cpu"), selftests(Machine(), random.Random(2), occasions=3))
    assert noise.selftests("machine", "cpu").advice == ""
    noise_path("machine", "cpu").write_text("{")
    assert "move it away" in noise.selftests("machine", "cpu").seen
    assert noise.wander("machine", "cpu") == ASK
