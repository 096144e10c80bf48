"""Surroundings are known by what they do, and by the variables that what is loaded reads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from bench.judging.comparing.surroundings import differences
from bench.judging.surroundings import SAME, apart, elsewhere, gpus_apart
from bench.machine.facts import settings
from bench.sides.server import Server
from bench.sides.side import Side
from bench.system.own import ROOT
from bench.workers.effective.on_cuda import of_cuda
from bench.workers.effective.process import loaded
from bench.workers.effective.variables import read_by_any
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


FACTS = {"cudnn", "cublas", "nccl"}


def gpu(**facts: object) -> dict:
    return {"gpus": [{"name": "X", "power_limit_w": 700.0, "driver": "580.1", **facts}]}


@pytest.mark.parametrize(
    ("fact", "value", "void"),
    [("driver", "590.2", False), ("power_limit_w", 300.0, True), ("mig", True, True)],
)
def test_a_gpu_told_to_run_otherwise_is_named(
    tmp_path: Path, fact: str, value: object, void: bool
) -> None:
    environments = gpu(mig=False), gpu(**{"mig": False, fact: value})
    base, new = (
        make(tmp_path / name, [Made("v")], environment=told, device="cuda:0")
        for name, told in zip("ab", environments, strict=True)
    )
    (found,) = differences(base, new)
    assert (found.name, found.void) == (f"GPU 0 {fact}", void)


def test_a_gpu_that_a_run_on_a_cpu_does_not_use_is_no_difference(tmp_path: Path) -> None:
    base, new = (
        make(tmp_path / name, [Made("v")], environment=gpu(driver=name)) for name in ("a", "b")
    )
    assert not list(differences(base, new))


def test_what_a_gpu_does_not_tell_differs_from_nothing() -> None:
    told, silent = gpu(), gpu(driver="not exposed: Unknown Error")
    assert gpus_apart(told, silent) == gpus_apart({}, told) == gpus_apart(told, {"gpus": []}) == {}
    assert gpus_apart(told, gpu(driver="590.2")) == {"GPU 0 driver": ("580.1", "590.2")}


@pytest.mark.parametrize(
    ("device", "changed", "names"),
    [
        ("cuda:0", {"gpus": gpu(driver="590.2")["gpus"]}, {"GPU 0 driver"}),
        ("cuda:0", {"gpus": gpu(power_limit_w=300.0)["gpus"]}, {"GPU 0 power_limit_w"}),
        ("cuda:0", {"effective": {"cudnn": "91002", "cublas": "13.0.2", "nccl": "1"}}, FACTS),
        ("cpu", {"gpus": gpu(driver="590.2")["gpus"]}, set()),
        ("cuda:0", {"effective": {}}, set()),  # what an earlier version did not ask
    ],
)
def test_a_resume_where_a_gpu_is_served_otherwise_is_refused(
    device: str, changed: dict, names: set[str]
) -> None:
    facts = {"cudnn": "91900", "cublas": "13.1.0", "nccl": "2.28.3"}
    before = {**dict.fromkeys(SAME), **gpu(), "effective": facts}
    assert elsewhere(before, before, device) == {}
    assert elsewhere(before, {**before, **changed}, device).keys() == names


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_libraries_of_a_gpu_are_asked_for_their_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "int cublasGetProperty(int part, int *value) { *value = 13 - part; return 0; }"
    library = tmp_path / "libcublas.so.13"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library],
        input=source,
        text=True,
        check=True,
    )
    monkeypatch.setattr("torch.version.cuda", "13.0")
    monkeypatch.setattr("torch.backends.cudnn.version", lambda: 91002)
    nccl = {"_nccl_version": (2 << 32) | (28 << 16) | 3, "_nccl_version_suffix": b""}
    for name, value in nccl.items():
        monkeypatch.setattr(f"torch._C.{name}", lambda value=value: value, raising=False)
    found = of_cuda([Path("/usr/lib/libc.so.6"), library])
    assert found["cudnn"] == "91002"
    assert found["cublas"] == "13.12.11"
    assert found["nccl"] == "2.28.3"
    assert "cublas" not in of_cuda([])


def test_a_build_for_cpus_has_no_libraries_of_a_gpu() -> None:
    assert torch.version.cuda or of_cuda(loaded()) == {}
