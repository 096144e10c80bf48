"""The C++ compiler that `torch.compile` calls on a CPU, and what keeps torch from calling it."""

from __future__ import annotations

import os
import re

import torch


def out_of_reach() -> str:
    """Say why torch's libraries cannot be linked from where they lie; empty where they can.

    torch hands their folder to the linker as it is, where a space ends a word.
    """
    folder = os.path.dirname(torch.__file__)
    if not re.search(r"[\s'\"\\]", folder):
        return ""
    return (
        "torch.compile on a CPU links torch's own libraries, and torch does not quote their "
        f"folder: expected an environment in a path without spaces and quotes, got {folder!r}"
    )


def why_not(error: BaseException) -> str:
    """Say what this machine lacks, where that is why nothing could be compiled; else nothing."""
    text = f"{type(error).__name__}: {error}"
    if "InvalidCxxCompiler" in text:
        return "torch.compile on a CPU needs a C++ compiler, found none: install g++, or set CXX"
    if "CppCompileError" in text and "Python.h: No such file" in text:
        return "torch.compile on a CPU needs Python's headers: install python3-dev, as in Debian"
    # a trial of vector instructions is linked too, and where that fails a template may give up
    return out_of_reach() if "CppCompileError" in text or "InductorError" in text else ""
