"""What a first call imports, seen from within a fork of a server; answers are plain data."""

from __future__ import annotations

import sys
from typing import Any

import torch

from bench.cases.case import Case
from bench.state import Kept
from bench.workers.contest import prepare


def by_first_call(case: dict[str, Any]) -> list[str]:
    """Name the modules that a case's first call imports, after its set-up and its inputs."""
    asked = Case(**case)
    torch.set_grad_enabled(asked.pass_ != "fwd")
    contest = prepare(asked, {}, Kept())
    inputs = contest.problem.make_inputs(0, contest.setting)
    contest.reset()
    before = set(sys.modules)
    contest.call(inputs)
    return sorted(set(sys.modules) - before)
