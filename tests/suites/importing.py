"""What is imported when, seen from within a fork of a server; answers are plain data."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import torch

from bench.cases.case import Case
from bench.selecting.discover import module_names
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


def by_a_suite(package: str) -> list[str]:
    """Name the packages that are there once all modules of a suite are."""
    for name in module_names(package):
        import_module(name)
    return sorted({name.partition(".")[0] for name in sys.modules})
