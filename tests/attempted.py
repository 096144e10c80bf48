"""Make the attempts of a made-up case in this process: check, then memory or time as told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bench.cases.case import Case
from bench.cases.problem import Incorrect, Problem
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from bench.workers.contest import Contest
from bench.workers.roles import ROLES
from bench.workers.roles.result import Result


@dataclass(frozen=True)
class Row:
    """The outcome of a case, why, and what its check found."""

    outcome: str
    detail: str = ""
    checked: Result | None = None
    timed: Result | None = None

    @property
    def errors(self) -> set[str]:
        assert self.checked is not None
        names = (m.quantity for m in self.checked.measurements)
        return {n.removesuffix("_error_l2") for n in names if n.endswith("_error_l2")}


def row(problem: Problem, build: Any, dtype: str = "float32", pass_: str = "fwd") -> Row:
    """Check a case and time it for a moment; `build(problem, setting=…)` makes each its step."""
    grad = torch.is_grad_enabled()
    torch.set_grad_enabled(pass_ != "fwd")
    try:
        checked = ROLES["check"](_contest(problem, build, dtype, pass_))
        timed = ROLES["time"](_contest(problem, build, dtype, pass_, checked))
    except Unsupported as error:
        return Row("unsupported", str(error))
    except Incorrect as error:
        return Row("incorrect", str(error))
    finally:
        torch.set_grad_enabled(grad)
    return Row("ok", "", checked, timed)


def _contest(
    problem: Problem, build: Any, dtype: str, pass_: str, checked: Result | None = None
) -> Contest:
    case = Case("made_up", "step", "no_module", type(problem).__name__, {}, dtype, pass_)
    setting = Setting.of(case)
    built = build(problem, setting=setting)
    step = getattr(built, "step", built)
    told: dict[str, Any] = {"share_s": 1e-3}
    if checked is not None:
        told |= {
            "fingerprints": checked.fingerprints,
            "tolerances": checked.tolerances,
            "rewritten": checked.rewritten,
            "fresh_inputs": "inputs" in checked.labels,
        }
    return Contest(case, problem, setting, built, step, problem.call(step, setting), **told)
