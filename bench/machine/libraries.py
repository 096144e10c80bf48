"""Versions of libraries that have kernels: `python -m bench.machine.libraries`, in any Python."""

from __future__ import annotations

import json
import platform
from importlib import metadata

from bench.system import own

KERNEL_LIBRARIES = (
    "torch",
    "triton",
    "numpy",
    "flash-attn",
    "xformers",
    "deepspeed",
    "diffusers",
    "torchmetrics",
    "torchao",
    "fla-core",
    "liger-kernel",
)


def versions() -> dict[str, str]:
    """Return the version of each that is installed for this interpreter."""
    return {name: found for name in KERNEL_LIBRARIES if (found := _version(name))}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    own.settle(own.OF_WORKERS)
    print(json.dumps({"python": platform.python_version(), "libraries": versions()}))
