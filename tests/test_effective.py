"""Surroundings are known by what they do, and by the variables that what is loaded reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.comparing.surroundings import differences
from bench.effective.process import loaded
from bench.effective.variables import read_by_any
from bench.machine import settings
from bench.side import ROOT, Server, Side
from bench.surroundings import apart
from tests.made_runs import Made, make

OF_KERNELS = ("cpu_capability", "default_threads", "blas", "parallel_backend", "allocator")


def test_facts_are_the_same_in_two_starts(server: Server, tmp_path: Path) -> None:
    with Side().serve(tmp_path / "log.txt") as other:
        facts = other.surroundings()
    assert facts == server.surroundings()
    assert facts["facts"].keys() >= {*OF_KERNELS, "cpu_features", "compiler", "denormals_flushed"}
    assert server.surroundings() == facts  # and a fork that read them has changed no server


def test_what_a_variable_does_is_seen(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Take instructions and threads away: what it does is a fact, whoever knows the names."""
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with Side().serve(tmp_path / "log.txt") as other:
        told = other.surroundings()
    facts = told["facts"]
    assert (facts["cpu_capability"], facts["default_threads"]) == ("DEFAULT", "1")
    assert told["variables"].keys() >= {"ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"}
    plain = server.surroundings()["facts"]
    if "onednn_isa" in plain:  # oneDNN takes part on x86 alone
        changed = apart({"effective": plain}, {"effective": facts})
        assert "onednn_isa" in changed or "SSE" in plain["onednn_isa"]


def test_variables_are_found_by_family_and_in_libraries() -> None:
    names = ["ONEDNN_NEW_KNOB", "GCONV_PATH", "NOBODY_READS_THIS", "HOME", "LANG", "TORCH_TOKEN"]
    assert read_by_any(names, loaded()) == ["GCONV_PATH", "ONEDNN_NEW_KNOB"]
    assert read_by_any(["GCONV_PATH"], []) == []


@pytest.mark.parametrize(
    "private",
    [
        "/data/people/jane/libfast.so",
        "https://proxy.example.org:8080",
        "GPU-4f2b6c1e-0d3a-11ee-be56-0242ac120002",
        "jane@example.org",
    ],
)
def test_values_that_could_name_someone_are_hashed(private: str) -> None:
    told = settings({"LD_PRELOAD": private, "A": f"{ROOT}/x", "OMP_NUM_THREADS": "2,1"})
    assert told["A"] == "./x"
    assert told["OMP_NUM_THREADS"] == "2,1"
    assert not any(word in told["LD_PRELOAD"] for word in ("jane", "example", "4f2b6c1e"))
    assert told["LD_PRELOAD"] != settings({"LD_PRELOAD": private + "x"})["LD_PRELOAD"]
    assert settings({"X": "/usr/lib/libjemalloc.so.2"})["X"] == "/usr/lib/libjemalloc.so.2"


def test_what_a_run_does_not_know_differs_from_nothing() -> None:
    old = {"settings": {"OMP_NUM_THREADS": "1"}}
    new = {
        "settings": {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default"},
        "effective": {"cpu_capability": "DEFAULT"},
    }
    assert apart(old, new) == apart(new, old) == {}
    assert apart(old, {**new, "settings": {}}) == {"OMP_NUM_THREADS": ("1", "none")}
    newer = {"settings": {}, "effective": {"cpu_capability": "AVX2", "boost": "on"}}
    assert apart(new, newer) == {
        "ATEN_CPU_CAPABILITY": ("default", "none"),
        "OMP_NUM_THREADS": ("1", "none"),
        "cpu_capability": ("DEFAULT", "AVX2"),
    }


@pytest.mark.parametrize(
    ("fact", "void"), [("onednn_isa", False), ("transparent_huge_pages", True)]
)
def test_compare_names_facts_that_differ(tmp_path: Path, fact: str, void: bool) -> None:
    base, new = (
        make(tmp_path / name, [Made("v")], environment={"effective": {fact: name}})
        for name in ("a", "b")
    )
    (found,) = differences(base, new)
    assert (str(found), found.void) == (f"{fact} a → b", void)


def test_what_concerns_streams_and_files_of_python_is_no_setting() -> None:
    """A resume from another terminal, or a job without one, measures the same."""
    of_streams = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONUTF8")
    asked = [*of_streams, "PYTHONHASHSEED", "PYTHONMALLOC"]
    assert read_by_any(asked, ()) == ["PYTHONHASHSEED", "PYTHONMALLOC"]
