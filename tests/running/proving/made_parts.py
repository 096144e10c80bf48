"""Made trials by the part of them that is tried, and the device that one of them names."""

from __future__ import annotations

from bench.running.proving.gpucheck.looking import trials_of
from tests import made_trials

UUID = "12345678-1234-1234-1234-123456789abc"

# What they stand in for, `bench.running.proving.gpucheck.on_device`, is untested without a card.
MADE = {trial.part: trial for trial in trials_of(made_trials.__name__)}
