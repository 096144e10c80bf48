"""A device `cuda:0` that is not there: what touches it is fake, all else is real.

Fake tensors know shape, type and device: an operator over tensors of two devices raises, as it does
on a card. They hold no values: a condition on them holds every other time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from suites.models import stored
from tests.meta_memory import HostGenerator

CARD = torch.device("cuda:0")
KERNELS = [kind for kind in SDPBackend.__members__.values() if kind.value >= 0]


class Fake(FakeTensorMode):
    """Never asks the device itself, although torch believes that it is there."""

    avoid_device_init = True


class Card(TorchDispatchMode):
    """Sends to the fake device what names it or has a tensor there; computes the rest."""

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()
        self._answers = cycle((False, True))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = list(tree_iter((args, kwargs or {})))
        if not any(isinstance(one, FakeTensor) or one == CARD for one in given):
            with unset_fake_temporarily():
                return func(*args, **(kwargs or {}))
        if func is torch.ops.aten._local_scalar_dense.default and args[0].dtype is torch.bool:
            return next(self._answers)
        return func(*args, **(kwargs or {}))


@contextmanager
def pretended() -> Iterator[None]:
    """Let tensors be made on, and brought to, a card that is not there; torch believes in it."""
    with (
        patch.object(torch, "Generator", HostGenerator),
        patch.object(torch.cuda, "is_available", lambda: True),
        patch.object(fake_tensor, "init_gpu_context", lambda _: None),
        patch.object(torch.cuda, "is_bf16_supported", lambda: True),
        sdpa_kernel(KERNELS),  # a variant that restricts torch does so for its process
        patch.object(stored, "_load", _with_values(stored._load)),
        Fake(allow_non_fake_inputs=True),
        Card(),
    ):
        yield


def _with_values(load: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Read what is kept on disk as it is: torch.load itself makes fakes where there may be some."""

    def loaded(path: Path) -> Any:
        with unset_fake_temporarily():
            return load(path)

    return loaded


def on_the_card(tensor: Tensor) -> bool:
    """Say whether a tensor is a fake one there."""
    return isinstance(tensor, FakeTensor) and tensor.device == CARD
