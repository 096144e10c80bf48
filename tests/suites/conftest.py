"""Fixtures of what is tested in several files of suites."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def no_gradients():
    with torch.no_grad():
        yield
