"""The instrument: everything that times, checks and records, and nothing about what is measured.

Importing this package never imports torch. What an author of a variant needs is here; `operator`,
`module`, `compilation`, `workload`, `answers`, `claims` and `charts` are its other doors.
"""

from bench.cases.case import DTYPES, Case, Measurement, Plain
from bench.cases.problem import Call, Incorrect, Problem, Verdict
from bench.cases.setting import Setting
from bench.cases.sweep import Axis, Sweep, Values, sweep
from bench.cases.variant import Unsupported, Variant, variant
from bench.timing.phases import Phases

__all__ = [
    "DTYPES",
    "Axis",
    "Call",
    "Case",
    "Incorrect",
    "Measurement",
    "Phases",
    "Plain",
    "Problem",
    "Setting",
    "Sweep",
    "Unsupported",
    "Values",
    "Variant",
    "Verdict",
    "sweep",
    "variant",
]
