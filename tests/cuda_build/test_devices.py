"""Which devices there are is asked of NVML; one that does not answer is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.side import Side
from bench.sweep import PRESETS
from tests.conftest import Bench

pytestmark = [pytest.mark.cuda_build, pytest.mark.usefixtures("two_gpus")]


SECOND = "GPU-00000000-0000-4000-8000-000000000001"


@pytest.fixture
def visible(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set CUDA_VISIBLE_DEVICES, where a test names some."""
    if request.param is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", request.param)


@pytest.mark.parametrize(
    ("visible", "asked", "found"),
    [
        (None, "auto", "cuda:0"),
        (None, "cuda", "cuda:0"),
        (None, "cuda:1", "cuda:1"),
        (None, "cpu", "cpu"),
        ("1", "auto", "cuda:0"),
        ("", "auto", "cpu"),
        (SECOND, "cuda:0", "cuda:0"),
    ],
    indirect=["visible"],
)
def test_a_device_that_is_there_is_taken(
    visible: None, asked: str, found: str, tmp_path: Path
) -> None:
    with Side().serve(tmp_path / "server.txt") as server:
        assert server.choose_device(asked) == found


@pytest.mark.parametrize(
    ("visible", "asked", "there"),
    [
        (None, "cuda:2", "cpu, cuda:0, cuda:1"),
        ("1", "cuda:1", "cpu, cuda:0"),
        ("", "cuda", "cpu"),
    ],
    indirect=["visible"],
)
def test_a_device_that_is_not_there_is_refused(
    visible: None, asked: str, there: str, tmp_path: Path
) -> None:
    with (
        Side().serve(tmp_path / "server.txt") as server,
        pytest.raises(UserError, match=f"expected one of {there} on this machine"),
    ):
        server.choose_device(asked)


@pytest.mark.parametrize("preset", PRESETS)
def test_cases_of_a_gpu_are_listed_without_one(bench: Bench, preset: str) -> None:
    listed = bench("list", "--preset", preset, "--device", "cuda:0")
    assert listed.returncode == 0, listed.stderr
    cases = listed.stdout.splitlines()
    assert len(cases) > 50
    assert "cannot be imported" not in listed.stderr


def test_a_plan_for_a_gpu_is_told_without_one(bench: Bench) -> None:
    told = bench("run", "--preset", "smoke", "--dry-run", "--device", "cuda")
    assert told.returncode == 0, told.stderr
    assert " on cuda:0, " in " ".join(told.stdout.split())


def test_a_gpu_that_does_not_answer_ends_a_run_before_it_begins(
    bench: Bench, tmp_path: Path
) -> None:
    words = ("run", "attention", "--preset", "smoke", "--device", "cuda:0")
    done = bench(*words, "--output", tmp_path / "runs")
    assert done.returncode == 2
    assert "cuda:0 cannot be used by torch" in done.stderr
    assert "re-initialize" not in done.stderr
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())
