"""Which instructions kernels use: asked of torch, and of what its libraries say when they run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import torch

# What a fact is called, and where a library says it: in its own words.
_SAID = {
    "onednn_isa": re.compile(r"^onednn_verbose,.*info,cpu,isa:(.+)$", re.M),
    "onednn_convolution": re.compile(r"^onednn_verbose,.*exec,cpu,convolution,([^,]+),", re.M),
    "onednn_matmul_bfloat16": re.compile(r"^onednn_verbose,.*exec,cpu,matmul,([^,]+),", re.M),
    "mkl": re.compile(r"^MKL_VERBOSE (\w.*?) Product", re.M),
    "mkl_processor": re.compile(r"^MKL_VERBOSE .*architecture (?:applications )?(.+?), \w+ ", re.M),
    "mkl_reproducible": re.compile(r"^MKL_VERBOSE .*\bCNR:(\S+)", re.M),
}
_BUILT = {
    "blas": re.compile(r"\bBLAS_INFO=([\w-]+)"),
    "onednn": re.compile(r"MKL-DNN v([\d.]+)|oneDNN v([\d.]+)"),
    "parallel_backend": re.compile(r"ATen parallel backend: (.+)"),
    "openmp_threads": re.compile(r"omp_get_max_threads\(\) : (\d+)"),
    "mkl_threads": re.compile(r"mkl_get_max_threads\(\) : (\d+)"),
}


def kernels() -> dict[str, str]:
    """Return what is known; a library that is not there, or says nothing, has no fact."""
    built = torch.__config__.show() + torch.__config__.parallel_info()
    facts = {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "default_threads": str(torch.get_num_threads()),
        **_found(_BUILT, built),
    }
    return facts | _found(_SAID, _said_by(_one_of_each))


def _found(patterns: dict[str, re.Pattern[str]], text: str) -> dict[str, str]:
    matches = {name: pattern.search(text) for name, pattern in patterns.items()}
    return {
        name: next(filter(None, match.groups()), "").strip()
        for name, match in matches.items()
        if match
    }


def _one_of_each() -> None:
    """Run a product, one in a short type, and a convolution: the smallest that reach a library."""
    square = torch.ones(64, 64)
    torch.mm(square, square)
    torch.mm(square.bfloat16(), square.bfloat16())
    torch.nn.functional.conv2d(torch.ones(2, 16, 32, 32), torch.ones(16, 16, 3, 3))


def _said_by(work: Callable[[], Any]) -> str:
    """Return what libraries print while they work; oneDNN reads its variable in its first call."""
    os.environ["ONEDNN_VERBOSE"] = os.environ["DNNL_VERBOSE"] = "1"
    told = getattr(getattr(torch._C, "_verbose", None), "mkl_set_verbose", None)
    with _stdout_in_a_file() as read, torch.no_grad():
        torch.set_num_threads(1)
        if told is not None and torch.backends.mkl.is_available():
            told(1)
        work()
        if told is not None and torch.backends.mkl.is_available():
            told(0)
        return read()


@contextlib.contextmanager
def _stdout_in_a_file() -> Iterator[Callable[[], str]]:
    """Redirect the descriptor itself: libraries write past Python."""
    sys.stdout.flush()
    kept = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)

        def read() -> str:
            ctypes.CDLL(None).fflush(None)
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            yield read
        finally:
            os.dup2(kept, 1)
            os.close(kept)
