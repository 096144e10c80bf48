"""NVML as these checks need it: one that claims two GPUs, or none that can be loaded."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

SOURCE = Path(__file__).with_name("nvml_stub.c")
LIBRARY = "libnvidia-ml.so.1"


@pytest.fixture(scope="session", autouse=True)
def _cuda_build() -> None:
    assert torch.version.cuda, "expected the CUDA build of torch: run `make check-cuda-build`"


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the stub with the system's C compiler; return its folder."""
    folder = tmp_path_factory.mktemp("nvml")
    words = ["cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", str(SOURCE)]
    subprocess.run([*words, "-o", str(folder / LIBRARY)], check=True)
    return folder


@pytest.fixture
def two_gpus(stub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every process started from here on find the stub before any other NVML."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stub))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def no_nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every process started from here on find an NVML that cannot be loaded."""
    (tmp_path / LIBRARY).write_bytes(b"no library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
