"""The allocator is a setting: asked, told as it ran, never ranked across, and weighed in words."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.cases.kind import kind_of
from bench.cases.variant import Unsupported
from bench.errors import UserError
from bench.judging.comparing.surroundings import differences
from bench.judging.ranking import rankings
from bench.judging.record import Record
from bench.selecting.axes import bind
from bench.selecting.discover import find_variant, load_module
from bench.selecting.listing import _allocator
from bench.sides.server import Server
from bench.state import allocator
from bench.workers import worker
from reports.allocators import told_of_allocators
from reports.fastest import families
from tests.conftest import ROOT, Bench
from tests.made_runs import Made, make

FIXED = Case("held", "held", str(ROOT / "tests/held_weights.py"), "Double", {"n": 4096})
SYSTEM = replace(FIXED, allocator="system")
GRANTED = "[never]" not in allocator._read(allocator._HUGE_PAGES)
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
int posix_memalign(void **place, size_t alignment, size_t size) {
  int (*next)(void **, size_t, size_t) = dlsym(RTLD_NEXT, "posix_memalign");
  return next(place, alignment, size);
}
"""


HUGE = """
from bench.state import allocator
import torch
allocator.fix()
asked = allocator.ask_for_huge_pages()
held = torch.ones(16 << 20, dtype=torch.uint8)  # below the threshold: on the heap
rollup = open("/proc/self/smaps_rollup").read()
got = int(rollup.split("AnonHugePages:")[1].split()[0])
print(asked, got >= 8 << 10)
"""

FRAGMENTED = """
from bench.state import allocator
allocator.fix()
blocks = [bytearray(size << 20) for size in (20, 1, 30, 1, 3)]
del blocks[::2]  # holes, in a heap that is never given back
assert allocator.separate_blocks()
before = allocator.separate_bytes()
held = [bytearray(70 << 10), bytearray(2 << 20), bytearray(25 << 20)]
print(allocator.separate_bytes() - before >= sum(map(len, held)))
"""


@pytest.mark.skipif(not GRANTED, reason="this kernel grants no huge pages")
def test_blocks_of_a_timed_process_lie_on_huge_pages() -> None:
    words = [sys.executable, "-c", HUGE]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True True\n", "")


@pytest.mark.parametrize("limit_bytes", [1 << 29, 1 << 31])
def test_where_there_is_no_room_for_them_nothing_is_lost(limit_bytes: int) -> None:
    """A limit of the data segment keeps the heap from growing: malloc maps elsewhere then."""
    text = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({limit_bytes},) * 2)\n"
    done = subprocess.run(
        [sys.executable, "-c", text + HUGE.split("rollup")[0] + "print(held.sum().item() > 0)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_blocks_are_mapped_whatever_room_the_heap_has() -> None:
    words = [sys.executable, "-c", FRAGMENTED]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_only_what_is_not_usual_is_in_the_id() -> None:
    assert "allocator" not in FIXED.id
    assert SYSTEM.id == FIXED.id.replace("threads=1", "threads=1,allocator=system")
    assert SYSTEM.question != FIXED.question
    assert kind_of(SYSTEM) != kind_of(FIXED)
    assert Case(**{k: v for k, v in asdict(FIXED).items() if k != "allocator"}) == FIXED


def test_it_can_be_asked_and_nothing_else_can(bench_here: Bench) -> None:
    asked = ("list", "suites.faults/refuses", "--device", "cpu", "--set")
    both = bench_here(*asked, "allocator=system,fixed").stdout.splitlines()
    assert [",allocator=system" in line for line in both] == [True, False]
    refused = bench_here(*asked, "allocator=jemalloc")
    assert refused.returncode == 2
    assert "axis allocator: expected fixed or system, got 'jemalloc'" in refused.stderr


def test_a_gpu_has_no_malloc() -> None:
    assert _allocator(None, "cuda:0") == _allocator("fixed", "cuda:0") == "fixed"
    with pytest.raises(UserError, match="axis allocator: is of a CPU's malloc"):
        _allocator("system", "cuda:0")


def test_it_reaches_the_case() -> None:
    variant = find_variant(load_module("suites.faults.refuses"), "refuses", "Double")
    assert bind(variant, {"allocator": "system"}).settings == {"allocator": "system"}


@pytest.mark.parametrize("case", [FIXED, SYSTEM])
def test_a_timed_attempt_tells_which_malloc_served(
    server: Server, tmp_path: Path, case: Case
) -> None:
    request = {"case": asdict(case), "timeout_s": 60, "log": str(tmp_path / "log.txt")}
    checked = server.attempt({**request, "role": "check"})
    held = {key: checked[key] for key in ("fingerprints", "tolerances")}
    timed = server.attempt({**request, "role": "time", "share_s": 0.01, **held})
    fixed = case.allocator == "fixed"
    assert timed["labels"]["malloc"] == allocator.served_by(fixed)


def test_what_cannot_be_fixed_is_not_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "library", lambda: "libjemalloc.so.2")
    assert _allocator(None, "cpu") == "system"
    assert allocator.served_by(False).startswith("libjemalloc.so.2")
    assert not allocator.separate_blocks()
    with pytest.raises(ValueError, match=r"libjemalloc\.so\.2 serves here; use"):
        allocator.fix()
    with pytest.raises(Unsupported, match=r"needs glibc's malloc, and libjemalloc\.so\.2"):
        worker._set_allocator(FIXED)


def test_what_the_environment_tells_malloc_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    monkeypatch.setenv("MALLOC_CONF", "prof_prefix:/home/somebody")
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "1")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
    told = allocator.served_by(True)
    assert "thresholds fixed, GLIBC_TUNABLES=glibc.malloc.hugetlb=1, MALLOC_ARENA_MAX=2" in told
    assert "THP_MEM_ALLOC_ENABLE=1" in told
    assert "somebody" not in told
    assert "MALLOC_CONF=…" in told


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_preloaded_malloc_is_seen_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "shim.c").write_text(SHIM)
    library = tmp_path / "libmine.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "shim.c"], check=True)
    done = subprocess.run(
        [sys.executable, "-c", "from bench.state import allocator; print(allocator.cannot_fix())"],
        env={**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "libmine.so serves here"


def record(variant: str, which: str, seconds: float, spread: float = 0.01) -> Record:
    case = Case("made", variant, "made", "Question", {"n": 64}, allocator=which)
    noise = (-1.0, 0.4, 0.0, -0.4, 1.0)
    times = {(0, i): [[seconds * (1 + spread * x)]] for i, x in enumerate(noise)}
    return Record(case, "ok", samples={"time": times})


def test_rankings_never_mix_allocators() -> None:
    records = [
        record(variant, which, seconds)
        for variant, seconds in (("math", 2.0), ("flash", 1.0))
        for which in ("fixed", "system")
    ]
    assert [len({r.record.case.allocator for r in one.rivals}) for one in rankings(records)] == [
        1,
        1,
    ]
    titles = [family.title for family in families(records)]
    assert ["system allocator" in title for title in titles] == [False, True]


def test_the_answer_says_where_the_allocator_matters() -> None:
    told = told_of_allocators(
        [
            record("math", "fixed", 24.0),
            record("math", "system", 38.0),
            record("flash", "fixed", 6.5),
            record("flash", "system", 6.5),
        ]
    )
    assert "math (n=64) takes 1.58×" in told
    assert "math takes 5.85×" in told
    assert "the time of flash (n=64), with fixed thresholds 3.69×" in told
    assert "flash (n=64) takes" not in told


def test_the_answer_claims_no_difference_in_noise() -> None:
    assert told_of_allocators([record("math", "fixed", 24.0)]) == ""
    fixed, system = record("math", "fixed", 24.0), record("math", "system", 24.1, -0.05)
    assert "Of 1 case measured with both allocators, none" in told_of_allocators([fixed, system])
    flagged = replace(record("math", "system", 38.0), flags=["contended"])
    assert told_of_allocators([fixed, flagged]) == ""


def test_another_malloc_is_a_difference_of_surroundings(tmp_path: Path) -> None:
    runs = [
        make(tmp_path / name, [Made("one", labels={"clock": "monotonic", "malloc": malloc})])
        for name, malloc in (("a", "glibc 2.36, thresholds fixed"), ("b", "libjemalloc.so.2"))
    ]
    assert "malloc glibc 2.36, thresholds fixed → libjemalloc.so.2" in map(str, differences(*runs))
