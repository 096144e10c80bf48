"""Set-up chooses the build of torch that this machine can run, and tries it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

INDEX = "https://builds.example"
SMI = """#!/bin/sh
[ "$1" = --query-gpu=driver_version ] && echo "{driver}" && exit
echo "| NVIDIA-SMI {driver}    Driver Version: {driver}    {told} |"
"""


def chosen(folder: Path, told: str, driver: str) -> subprocess.CompletedProcess[str]:
    (folder / "nvidia-smi").write_text(SMI.format(told=told, driver=driver))
    (folder / "nvidia-smi").chmod(0o755)
    return choose(folder)


def choose(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "cuda-build", INDEX],
        capture_output=True,
        text=True,
        env={"PATH": f"{path}"},
    )


@pytest.mark.parametrize(
    ("told", "driver", "words"),
    [
        ("CUDA Version: 13.0", "580.65.06", "torch"),
        ("CUDA Version: 13.2", "595.10", "torch"),
        ("CUDA UMD Version : 13.1", "590.44", "torch"),
        ("CUDA Version: 12.9", "575.51.03", f"torch --index-url {INDEX}/cu126"),
        ("CUDA Version: 12.0", "525.60.13", f"torch --index-url {INDEX}/cu126"),
        ("CUDA Version: N/A", "580.65.06", "torch"),  # a container that exposes no libcuda
        ("CUDA Version: N/A", "550.54.15", f"torch --index-url {INDEX}/cu126"),
    ],
)
def test_the_build_follows_the_driver(tmp_path: Path, told: str, driver: str, words: str) -> None:
    done = chosen(tmp_path, told, driver)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, words, "")


@pytest.mark.parametrize(
    ("told", "driver"),
    [("CUDA Version: 11.8", "520.61.05"), ("CUDA Version: N/A", "470.82.01")],
)
def test_a_driver_that_is_too_old_is_one_line(tmp_path: Path, told: str, driver: str) -> None:
    done = chosen(tmp_path, told, driver)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "serves CUDA 11 at most; expected CUDA 12 or newer" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("smi", ["", "#!/bin/sh\necho no devices were found; exit 6\n"])
def test_no_driver_is_one_line(tmp_path: Path, smi: str) -> None:
    if smi:
        (tmp_path / "nvidia-smi").write_text(smi)
        (tmp_path / "nvidia-smi").chmod(0o755)
    done = choose(tmp_path)
    assert done.returncode != 0
    assert "nvidia-smi tells no driver" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_gpu_is_tried_before_set_up_is_done() -> None:
    words = ["make", "--dry-run", "--always-make", "DEVICE=gpu", "setup"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    order = [
        next(i for i, line in enumerate(lines) if re.search(word, line))
        for word in (
            "cuda-build",
            "-m venv",
            "--no-deps",
            "DS_ACCELERATOR=cpu",
            "cuda-answers",
            "^touch ",
        )
    ]
    assert order == sorted(order)


def test_a_gpu_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "cuda-answers"],
        capture_output=True,
        text=True,
        env={"CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode != 0
    assert "cannot use the GPU" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
