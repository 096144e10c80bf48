"""Weights held by what torch has beside tensors, by C++, by threads, and by nobody any more."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.utils import dlpack

from tests.holding import MIB, Ways, holds_in, in_a_thread, weight

WAYS: Ways = {}
holds = holds_in(WAYS)


@holds(MIB)
def buffer() -> Any:
    module = nn.Module()
    module.register_buffer("table", weight())
    return module


@holds(MIB + 4)
def graph() -> Any:
    """Only autograd holds the weight, beside the result."""
    with torch.enable_grad():
        made = weight().requires_grad_()
        return (made * made).sum()


@holds(MIB)
def capsule() -> Any:
    """Only C++ holds it."""
    return dlpack.to_dlpack(weight())


@holds(MIB)
def script_dict() -> Any:
    """Only C++ holds it."""
    return torch._C.ScriptDict({"weight": weight()})


@holds(4 * (4 * 64 * 64 * 2 + 4 * 64 * 2))
def lstm() -> Any:
    return nn.LSTM(64, 64)


@holds(4 * MIB + 4)
def optimizer() -> Any:
    """Weight, gradient, two moments and a count of steps."""
    made = nn.Parameter(weight())
    made.grad = weight()
    chosen = torch.optim.AdamW([made])
    with torch.enable_grad():
        chosen.step()
    return chosen


@holds(MIB)
def of_another_thread() -> Any:
    made: list[Tensor] = []
    in_a_thread(lambda: made.append(weight()))
    return made


@holds(MIB)
def thread_local() -> Any:
    place = threading.local()
    place.weight = weight()
    return place


@holds(MIB)
def uninitialised() -> Any:
    """A lazy module that has seen its input."""
    module = nn.LazyLinear(512, bias=False)
    module(torch.ones(1, 512))
    return module


@holds(4)
def stand_ins() -> Any:
    """Tensors without memory: of a compiler, on no device, of vmap beside the one it maps over."""
    of_vmap: list[Tensor] = []
    with FakeTensorMode():
        fake = torch.empty(512, 512)
    torch.vmap(lambda x: (of_vmap.append(x), x * 2)[1])(torch.ones(1, 1))
    return fake, torch.empty(512, 512, device="meta"), of_vmap


@holds(0)
def lost() -> Any:
    with contextlib.suppress(ZeroDivisionError):
        made = weight()
        return 1 / 0 * made
    return None
