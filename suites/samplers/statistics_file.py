"""Statistics of Inception's features, as pytorch-fid and ADM's guided-diffusion write them.

An `.npz` file with `mu` (2048,) and `sigma` (2048, 2048). ADM's have more beside them (`mu_s` and
`sigma_s` of spatial features, images in `arr_0`), which FID does not need. A file does not say what
preprocessing it was made with: ADM's are the papers'.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

from suites.models.own_images import UNREADABLE
from suites.samplers.moments import Moments

NAMES = ("mu", "sigma")
ROUNDING = 1e-6  # of the norm: what rounding a covariance to float32 does stays below
TINY = 1e-300  # of nothing but zeros


def are_statistics(path: str) -> bool:
    """Say whether a file is an archive with any of the names of statistics in it."""
    file = Path(os.path.expanduser(path))
    if file.suffix != ".npz" or not file.is_file():
        return False
    try:
        with np.load(file, allow_pickle=False) as found:
            return any(name in found.files for name in NAMES)
    except UNREADABLE:
        return False  # for whoever reads it as images to say


def read_statistics(path: str, num_features: int) -> Moments:
    """Return mean and covariance, float64; ValueError with one line where they are neither."""
    mean, covariance = (_numbers(path, name) for name in NAMES)
    for name, found, shape in (
        ("mu", mean, (num_features,)),
        ("sigma", covariance, (num_features, num_features)),
    ):
        if found.shape != shape:
            raise ValueError(f"{path}: expected {name} of shape {shape}, got {found.shape}")
    _expect_covariance(path, covariance)
    return Moments(torch.from_numpy(mean), torch.from_numpy((covariance + covariance.T) / 2))


def _numbers(path: str, name: str) -> np.ndarray:
    try:
        with np.load(Path(os.path.expanduser(path)), allow_pickle=False) as archive:
            found = archive[name] if name in archive.files else None
    except UNREADABLE as error:
        raise ValueError(f"{path}: expected {name}, got what numpy cannot read") from error
    if found is None:
        raise ValueError(f"{path}: expected statistics mu and sigma, got none called {name}")
    if found.dtype.kind != "f":
        raise ValueError(f"{path}: expected {name} in floating point, got {found.dtype}")
    if not np.isfinite(found).all():
        odd = found[~np.isfinite(found)]
        raise ValueError(
            f"{path}: expected finite {name}, got {odd.flat[0]} in {odd.size} of {found.size} "
            "values; make the statistics anew"
        )
    return found.astype(np.float64)


def _expect_covariance(path: str, covariance: np.ndarray) -> None:
    """Refuse a matrix that is not symmetric, or has an eigenvalue below 0, beyond rounding."""
    allowed = ROUNDING * float(np.linalg.norm(covariance))
    gap = float(np.abs(covariance - covariance.T).max())
    if gap > allowed:
        raise ValueError(
            f"{path}: expected a symmetric sigma, got entries that differ by {gap:.3g} from their "
            f"mirror's (the largest is {np.abs(covariance).max():.3g}); make the statistics anew"
        )
    matrix = torch.from_numpy(covariance)
    raised = matrix + max(allowed, TINY) * torch.eye(len(matrix), dtype=matrix.dtype)
    if torch.linalg.cholesky_ex(raised).info:  # far cheaper than the eigenvalues
        values = torch.linalg.eigvalsh(matrix)
        raise ValueError(
            f"{path}: expected a covariance as sigma, got eigenvalues from {float(values[0]):.3g} "
            f"to {float(values[-1]):.3g}; make the statistics anew"
        )
