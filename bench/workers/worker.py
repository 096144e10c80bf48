"""One attempt inside a forked worker: load the case, do one role, turn the end into an outcome."""

from __future__ import annotations

import importlib
import resource
from dataclasses import asdict, replace
from typing import Any

import torch

from bench.cases.case import Case
from bench.cases.variant import Unsupported
from bench.profiling.recording.opening import Opening
from bench.state import Kept, allocator, load
from bench.state.ledger import Ledger
from bench.state.of_torch import decide_at_once
from bench.workers import fitting, ranks
from bench.workers.contest import prepare
from bench.workers.outcome import outcome_of
from bench.workers.roles import ROLES

SET_BY_A_CASE = ("threads", "grad")  # switches; see `_set`


def attempt(request: dict[str, Any]) -> dict[str, Any]:
    """Run the request's role of its case; return the attempt's part that only the worker knows.

    One for a `listing` has no case, it finds them; nor has one for `surroundings`, it reads them;
    nor one for `ceilings`: it measures the device; nor one for `device`: it tries it; nor one for
    a `call` of a function, whose answer is plain data.
    """
    if "listing" in request:
        return outcome_of(lambda: _listing(request["listing"]))
    if "surroundings" in request:
        return outcome_of(lambda: _surroundings(request["surroundings"]))
    if "ceilings" in request:
        return outcome_of(lambda: _ceilings(request["ceilings"]))
    if "device" in request:
        return outcome_of(lambda: _try(request["device"]))
    if "call" in request:
        return outcome_of(lambda: _call(request["call"], request["arguments"]))
    case = Case(**request["case"])
    if request["role"] == "fit":
        return outcome_of(lambda: fitting.largest_batch(case, request, run_role))
    if case.ranks > 1:
        return outcome_of(lambda: ranks.host(case, request, run_role))
    before = load.snapshot()
    reply = run_role(case, request)
    if request["role"] == "time":
        _explain_times(reply, load.between(before, load.snapshot()))
    return reply


def run_role(case: Case, request: dict[str, Any]) -> dict[str, Any]:
    """Do the request's role in this process, and say where its setting was not kept."""
    kept = Kept()

    def role() -> dict[str, Any]:
        _limit_memory(request.get("memory_limit_bytes"))
        _set(case)
        huge = _on_huge_pages(case, request) and allocator.ask_for_huge_pages()
        kept.begun(SET_BY_A_CASE)
        if case.device != "cpu":
            kept.settled(lambda: decide_at_once(case.device))
        # from before set-up: what that allocates is alive in the call
        ledger = Ledger() if _counts_memory(case, request) else None
        opening = Opening(case.device) if _shows_set_up(request) else None
        contest = replace(prepare(case, request, kept), ledger=ledger, opening=opening)
        if ledger:
            ledger.separate()
        elif case.device == "cpu":
            _set_allocator(case)  # again: a file may have told malloc something else
        reply = {"outcome": "ok", **asdict(ROLES[request["role"]](contest))}
        kept.called()  # while the contest lives, and with it what restricts torch for it
        if request["role"] == "time" and case.device == "cpu":
            reply["labels"]["malloc"] = allocator.served_by(case.allocator == "fixed", huge)
        return reply

    return kept.explain(outcome_of(role))


def _listing(request: dict[str, Any]) -> dict[str, Any]:
    from bench.selecting.listing import answer

    return {"outcome": "ok", **answer(request)}


def _surroundings(asked: dict[str, Any]) -> dict[str, Any]:
    from bench.workers.effective import answer

    return {"outcome": "ok", **answer(**asked)}


def _ceilings(asked: dict[str, Any]) -> dict[str, Any]:
    from bench.machine.ceilings.measure import measure

    return {"outcome": "ok", "ceilings": asdict(measure(**asked))}


def _try(device: str) -> dict[str, Any]:
    """Compute one number there: what a driver that is too old, or a GPU in trouble, fails at."""
    torch.zeros(1, device=device).add_(1).item()
    return {"outcome": "ok"}


def _call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)
    return {"outcome": "ok", "answer": found(**arguments)}


def _explain_times(reply: dict[str, Any], elsewhere: load.Elsewhere) -> None:
    """Label a timed reply with what others did meanwhile, and flag it where that disturbed it."""
    reply.setdefault("labels", {}).update(
        other_cpu_cores=f"{elsewhere.other_cores:.2f}",
        waited_share=f"{elsewhere.waited_share:.3f}",
        stolen_share=f"{elsewhere.stolen_share:.3f}",
    )
    if elsewhere.contended:
        reply.setdefault("flags", []).append("contended")


def _set(case: Case) -> None:
    """Make the setting that a case asks for that of this process."""
    torch.set_num_threads(case.threads)
    torch.set_grad_enabled(case.pass_ != "fwd")
    if case.device == "cpu":
        _set_allocator(case)
    else:
        torch.cuda.set_device(case.device)


def _on_huge_pages(case: Case, request: dict[str, Any]) -> bool:
    asked = request["role"] == "time" and request.get("huge_pages", False)
    return bool(asked) and case.device == "cpu" and case.allocator == "fixed"


def _counts_memory(case: Case, request: dict[str, Any]) -> bool:
    return request["role"] in ("memory", "peak") and case.device == "cpu" and case.ranks == 1


def _shows_set_up(request: dict[str, Any]) -> bool:
    return request["role"] == "profile" and not request["profile"].get("nvtx")


def _set_allocator(case: Case) -> None:
    if case.allocator != "fixed":
        return
    if why := allocator.cannot_fix():
        raise Unsupported(f"allocator=fixed needs glibc's malloc, and {why}")
    allocator.fix()


def _limit_memory(limit_bytes: int | None) -> None:
    """Make running out of memory an exception in this worker, not the kernel's pick of a victim."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limit_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
