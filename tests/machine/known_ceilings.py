"""Ceilings of a machine that is not there, and a case they bound."""

from __future__ import annotations

from bench.cases.case import Case
from bench.machine.ceilings import Bandwidth, Ceilings, ProductRate, Timer

MIB = 1 << 20

ONE = Ceilings(
    "cpu",
    1,
    [
        Bandwidth(1 * MIB, 100e9, 0.02, "copy"),
        Bandwidth(8 * MIB, 200e9, 0.03, "sum"),
        Bandwidth(64 * MIB, 40e9, 0.30, "add in place"),
    ],
    [
        ProductRate("float64", 50e9, 0.01, 384),
        ProductRate("float32", 100e9, 0.08, 384),
        ProductRate("bfloat16", 400e9, 0.02, 768),
        ProductRate("float16", 5e9, 0.02, 128),
    ],
    launch_s=2e-7,
    timers=[Timer("perf_counter", 5e-8, 4e-8)],
    rounds=5,
)
CASE = Case("s", "v", "m", "P", {"n": 1}, flops=10**9)
