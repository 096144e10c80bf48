"""Which versions of NVIDIA's libraries serve a GPU: asked of them, CUDA unbegun."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from pathlib import Path

import torch

_VERSION_PARTS = range(3)  # MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL of libraryPropertyType


def of_cuda(libraries: Iterable[Path]) -> dict[str, str]:
    """Return versions by library; one that is not there has no fact, nor has a build for CPUs."""
    if not torch.version.cuda:
        return {}
    found = {"cudnn": _cudnn(), "cublas": _cublas(libraries), "nccl": _nccl()}
    return {name: version for name, version in found.items() if version}


def _cudnn() -> str:
    """Return cuDNN's one number: 91002 is 9.10.2."""
    return str(torch.backends.cudnn.version() or "")


def _cublas(libraries: Iterable[Path]) -> str:
    """Ask the cuBLAS that is loaded; it answers without a device."""
    path = next((path for path in libraries if path.name.startswith("libcublas.so")), None)
    if path is None:
        return ""
    ask, value = ctypes.CDLL(str(path)).cublasGetProperty, ctypes.c_int()
    parts = [value.value for part in _VERSION_PARTS if ask(part, ctypes.byref(value)) == 0]
    return ".".join(map(str, parts))


def _nccl() -> str:
    if not hasattr(torch._C, "_nccl_version"):
        return ""
    from torch.cuda import nccl

    version = nccl.version()
    return ".".join(map(str, version)) if isinstance(version, tuple) else str(version)
