"""Keep on disk what is dear to make, under a hash of everything it is made from."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bench.workload import cache_folder

# What torch raises over a file that was cut off or overwritten.
DAMAGED = (RuntimeError, EOFError, UnpicklingError, ValueError, KeyError)


def stored(name: str, key: str, make: Callable[[], Any]) -> Any:
    """Return what is kept as `name` under `key`; else make it, and write it whole or not at all.

    A file that is damaged is made anew: nothing in it is dearer than that.
    """
    path = location(name, key)
    if path.is_file():
        try:
            return _load(path)
        except (*DAMAGED, OSError):
            path.unlink(missing_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    torch.save(make(), partial)
    partial.replace(path)
    return _load(path)


def _load(path: Path) -> Any:
    return torch.load(path, weights_only=True, map_location="cpu")


def location(name: str, key: str) -> Path:
    """Return the file in the cache folder, there or not."""
    return cache_folder() / f"{name}-{key}.pt"


def content_key(*parts: object) -> str:
    """Hash modules by source, tensors by content, other parts by repr, and torch by version."""
    digest = hashlib.sha256(torch.__version__.encode())
    for chunk in _chunks(parts):
        digest.update(hashlib.sha256(chunk).digest())
    return digest.hexdigest()[:16]


def _chunks(parts: Iterable[object]) -> Iterable[bytes]:
    for part in parts:
        if isinstance(part, ModuleType):
            yield inspect.getsource(part).encode()
        elif isinstance(part, Tensor):
            yield repr((part.shape, part.dtype)).encode()
            yield part.detach().cpu().contiguous().numpy().tobytes()
        else:
            yield repr(part).encode()
