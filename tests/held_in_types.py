"""Weights held as tensors of torch's types, of one's own, and of wrappers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.holding import MIB, Ways, holds_in, weight

WAYS: Ways = {}
holds = holds_in(WAYS)


class OwnParameter(nn.Parameter):
    """A parameter of one's own type."""


class OwnTensor(Tensor):
    """A tensor of one's own type."""


class Wrapper(Tensor):
    """A tensor without memory that wraps another, and does not tell the compiler how."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> Wrapper:
        return Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner: Tensor):
        self.inner = inner

    def __torch_dispatch__(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        return "Wrapper()"


class Flat(Wrapper):
    """A wrapper that tells."""

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["inner"], None

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any, kwargs: Any = None) -> Flat:
        return cls(function(args[0].inner, *args[1:], **(kwargs or {})))


@holds(0)
def nothing() -> Any:
    return None


@holds(MIB)
def plain() -> Any:
    return weight()


@holds(MIB)
def parameter() -> Any:
    return nn.Parameter(weight())


@holds(MIB)
def own_parameter() -> Any:
    return OwnParameter(weight())


@holds(MIB)
def own_tensor() -> Any:
    return weight().as_subclass(OwnTensor)


@holds(MIB)
def wrapper() -> Any:
    return Wrapper(weight())


@holds(MIB)
def parameter_of_wrapper() -> Any:
    return nn.Parameter(Flat(weight()), requires_grad=False)


@holds(MIB)
def wrapper_of_numpy() -> Any:
    return Flat(torch.from_numpy(np.ones((512, 512), np.float32)))
