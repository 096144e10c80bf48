"""Run a module in float64 throughout, whatever types it names inside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench.checking.float64_kernels import in_float64

_WRITES = re.compile(
    r"__set(item)?__|__i(add|sub|mul|truediv|floordiv|mod|pow|and|or|xor)__|[a-z]\w*_"
)
_CASTS = {Tensor.float, Tensor.half, Tensor.bfloat16}


@contextmanager
def lifted() -> Iterator[None]:
    """Replace every floating type that is named or met by float64, every complex by complex128.

    Casts, factories, arguments named `dtype`, tables that are no buffers: a norm or a softmax that
    asks for float32 then has float64's accuracy, and no product meets two types. Weights and
    tables keep the values they had when they were made.
    """
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Lift():
            yield
    finally:
        torch.set_default_dtype(default)


def lift(value: Any) -> Any:
    """Lift a tensor, a type, or those in a tuple, list or dict."""
    if isinstance(value, Tensor):
        return value.to(_lifted(value.dtype))
    if isinstance(value, torch.dtype):
        return _lifted(value)
    if type(value) in (list, tuple):
        return type(value)(lift(each) for each in value)
    if type(value) is dict:
        return {name: lift(each) for name, each in value.items()}
    return value


def _floating(value: object) -> bool:
    return isinstance(value, torch.dtype) and value.is_floating_point


def _lifted(dtype: torch.dtype) -> torch.dtype:
    if dtype.is_complex:
        return torch.complex128
    return torch.float64 if dtype.is_floating_point else dtype


class _Lift(TorchFunctionMode):
    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if function in _CASTS:
            return args[0].double()
        if function is Tensor.view and any(
            _floating(each) for each in (*args[1:], *kwargs.values())
        ):
            raise TypeError("bits are read as another floating type")
        if _in_place(function):
            return function(*args[:1], *lift(args[1:]), **lift(kwargs))
        return in_float64(function)(*lift(args), **lift(kwargs))


def _in_place(function: Callable[..., Any]) -> bool:
    """Say whether the first argument is written to: a lifted copy of it would be, instead."""
    name = getattr(function, "__name__", "")
    return bool(_WRITES.fullmatch(name))
