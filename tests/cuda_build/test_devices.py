"""Which devices there are is asked of NVML; one that does not answer is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cases.sweep import PRESETS
from bench.errors import UserError
from bench.sides.side import Side
from tests.conftest import Bench
from tests.suites.test_variants import SUITES

pytestmark = [pytest.mark.cuda_build, pytest.mark.usefixtures("two_gpus")]


SECOND = "GPU-00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("visible", "taken", "refused"),
    [
        (None, {"auto": "cuda:0", "cuda": "cuda:0", "cuda:1": "cuda:1", "cpu": "cpu"}, "cuda:2"),
        ("1", {"auto": "cuda:0", "cuda:0": "cuda:0"}, "cuda:1"),
        (SECOND, {"auto": "cuda:0", "cuda:0": "cuda:0"}, "cuda:1"),
        ("", {"auto": "cpu", "cpu": "cpu"}, "cuda"),
    ],
)
def test_a_device_is_taken_where_it_is_there(
    visible: str | None,
    taken: dict[str, str],
    refused: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with Side().serve(tmp_path / "server.txt") as server:
        assert {asked: server.choose_device(asked) for asked in taken} == taken
        with pytest.raises(UserError, match=f"--device {refused}: expected one of cpu"):
            server.choose_device(refused)


def test_every_preset_is_listed_for_a_gpu(tmp_path: Path) -> None:
    words = {"device": "cuda:0", "selectors": [], "suites": SUITES, "sets": [], "files": {}}
    with Side().serve(tmp_path / "server.txt") as server:
        for preset in PRESETS:
            answer = server.list_cases({**words, "preset": preset})
            assert not answer["broken"]
            assert {case["device"] for case in answer["cases"]} == {"cuda:0"}


def test_cases_are_listed(bench: Bench) -> None:
    listed = bench("list", "--preset", "smoke", "--device", "cuda:0")
    assert listed.returncode == 0, listed.stderr
    assert "/cuda:0,threads=1," in listed.stdout


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
