"""The instrument: everything that times, checks and records, and nothing about what is measured.

Importing this package never imports torch. What an author of a variant needs is here.
"""

from bench.problem import Incorrect, Problem
from bench.setting import Setting
from bench.sweep import Sweep, sweep
from bench.variant import Unsupported, Variant, variant

__all__ = [
    "Incorrect",
    "Problem",
    "Setting",
    "Sweep",
    "Unsupported",
    "Variant",
    "sweep",
    "variant",
]
