"""A comparison with something of everything, for what is written of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.store import Run
from tests.made_runs import Made, make_pair


@pytest.fixture
def story(tmp_path: Path) -> tuple[Run, Run]:
    """A paired comparison with something of everything."""
    values = {"peak": 2.0**20, "out_error_l2": 2e-7, "resident_growth": 1e6}
    base = [
        Made("steady", 1e-3, 0.001, values=values),
        Made("slows", 2e-3, values=values),
        Made("speeds", 4e-3, values=values),
        Made("wavers", 5e-3, 0.05, values=values),
        Made("busy", 1e-3, flags=["throttled"]),
        Made("breaks", 1e-3),
        Made("mends", outcome="oom", detail="out of memory: 3 GiB"),
        Made("learns", None, quality={"fid": [1.5, 1.6, 1.7]}),
        Made("tf32", outcome="unsupported", detail="needs a GPU"),
    ]
    new = [
        Made("steady", 1e-3, 0.001, values={**values, "peak": 1.5 * 2**20}),
        Made("slows", 2.3e-3, values=values, source_hash="1"),
        Made("speeds", 3e-3, values={**values, "out_error_l2": 1e-7}),
        Made("wavers", 5e-3, 0.05, values=values),
        Made("busy", 1e-3),
        Made("breaks", outcome="incorrect", detail="a|b <c> exceeds its budget"),
        Made("mends", 1e-3),
        Made("learns", None, quality={"fid": [2.51, 2.6, 2.69]}),
        Made("tf32", outcome="unsupported", detail="needs a GPU"),
    ]
    return make_pair(tmp_path / "20260101-000000-ab-0000", base, new)
