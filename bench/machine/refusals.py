"""What NVML's Python bindings raise where a driver does not answer a question."""

from __future__ import annotations

from typing import Any


def refusals(nvml: Any, *others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return them, and `others`; the one for what an older driver lacks is no kin of the rest."""
    mismatch = getattr(nvml, "NVMLLibraryMismatchError", nvml.NVMLError)
    return (nvml.NVMLError, mismatch, *others)
