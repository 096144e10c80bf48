"""Fixtures of what is tested in several files of suites."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from tests.suites.tiny_models import KINDS


@pytest.fixture
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of a tiny network of each kind."""
    folder = tmp_path_factory.mktemp("models")
    return {kind: save(folder / kind) for kind, save in KINDS.items()}


@pytest.fixture
def unet(saved: dict[str, Path], tmp_path: Path) -> Path:
    """Return a copy of the U-Net's, to be broken."""
    return Path(shutil.copytree(saved["unet"], tmp_path / "unet"))
