"""Where samplers are tested: on the CPU, and without gradients."""

from __future__ import annotations

import pytest
import torch

CPU = torch.device("cpu")

MARKS = [
    pytest.mark.usefixtures("no_gradients"),
]
