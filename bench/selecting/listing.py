"""List cases: a fork of a server imports the suites, and answers with plain data.

That is `{"cases": […], "device": …}`, or `{"error": …}` with a line for the user. `broken` names
modules that cannot be imported. A `lenient` request is answered although it names what is not here,
and `lacking` then tells by selector what that is: one side of a comparison may have what the other
has not. A `watched` request is told what was `seen`: every file that its answer depends on.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

from bench.cases.case import Case, Plain
from bench.cases.problem import Problem
from bench.cases.setting import Setting
from bench.cases.sweep import Sweep
from bench.cases.variant import Variant
from bench.errors import UserError, unknown
from bench.selecting.axes import bind, names_for, parse_overrides
from bench.selecting.contestants import Contestants, contestants_of
from bench.selecting.described import describe
from bench.selecting.devices import Asked, choose_device, is_absent, placed
from bench.selecting.discover import find_variant, load_module, problems_posed, source_hash
from bench.selecting.guests import PREFIX
from bench.selecting.like.model import Model
from bench.selecting.like.taken import axes_like, in_words, with_kin
from bench.selecting.refusals import Refusals
from bench.selecting.seen import Watch
from bench.state import allocator


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request."""
    watch = Watch() if request.get("watched") else None
    try:
        device = choose_device(request["device"], request.get("absent", False))
        if "known" in request:
            known = [Case(**plain) for plain in request["known"]]
            return {"changed": changed(known), "device": device}
        if "given" in request:
            expect_files([Case(**plain) for plain in request["given"]])
            return {"device": device}
        groups, lacking = contestants_of(request)
        cases = [dataclasses.asdict(case) for case in list_cases(request, device, groups)]
        broken = sorted({module for group in groups for module in group.broken})
        absent = is_absent(device)
        told = {"cases": cases, "device": device, "absent": absent}
        if request.get("long"):
            found = [one for group in groups for one in describe(group.suite, group.chosen)]
            told["variants"] = [dataclasses.asdict(one) for one in found]
        seen = {"seen": watch.seen()} if watch else {}
        return {**told, **seen, "lacking": lacking, "broken": broken}
    except UserError as error:
        return {"error": str(error)}


def expect_files(cases: list[Case]) -> None:
    """Let every problem of these cases read the user's files; UserError where one cannot use it."""
    for problem in problems_posed(cases):
        try:
            problem.expect_files()
        except ValueError as error:
            raise UserError(
                f"{type(problem).__name__}: {error}; leave out with -k what cannot use the file"
            ) from error


def changed(known: list[Case]) -> list[str]:
    """Return the modules whose source is no longer what these cases were listed from."""
    found = set()
    for case in known:
        try:
            variant = find_variant(load_module(case.module), case.variant, case.problem)
            same = source_hash(variant) == case.source_hash
        except Exception:  # a module that cannot be imported never had a hash
            same = not case.source_hash
        if not same:
            found.add(case.module)
    return sorted(found)


def list_cases(request: dict[str, Any], device: str, contestants: list[Contestants]) -> list[Case]:
    """Expand preset and overrides into cases; equal ids are one, of all that is asked of them."""
    if not contestants:
        return []
    overrides = parse_overrides(request["sets"])
    overrides |= {axis: (path,) for axis, path in request["files"].items()}
    _expect_axes(contestants, overrides)
    model = _model(request, contestants)
    cases: dict[str, Case] = {}
    refusals = Refusals()
    for group in contestants:
        asked = request["preset"], device, request.get("nodes", 1)
        for case in _cases_of(group, *asked, overrides, model, refusals):
            known = cases.get(case.id, case)
            if known.module != case.module:
                raise UserError(
                    f"{case.module} and {known.module} both define "
                    f"{case.suite}/{case.variant}; rename one"
                )
            cases[case.id] = _both(known, case)
    refusals.tell()
    return list(cases.values())


def _model(request: dict[str, Any], contestants: list[Contestants]) -> Model | None:
    """Return the model in whose shapes is asked, if one is given, and tell what is made of it."""
    if not request.get("like"):
        return None
    model = Model(**request["like"])
    problems = {v.problem_type for group in contestants for v in group.chosen}
    print(in_words(model, problems), file=sys.stderr)
    return model


def _both(one: Case, other: Case) -> Case:
    """Return the case that is measured as often as either, as long, and of as many seeds."""
    rounds = None if None in (one.rounds, other.rounds) else max(one.rounds or 0, other.rounds or 0)
    most = {
        name: max(getattr(one, name), getattr(other, name)) for name in ("shares", "quality_seeds")
    }
    return dataclasses.replace(one, rounds=rounds, **most)


def _expect_axes(groups: list[Contestants], overrides: dict[str, tuple[Plain, ...]]) -> None:
    names = {name for group in groups for v in group.chosen for name in names_for(v)}
    for axis, values in overrides.items():
        if axis not in names:
            raise unknown("axis", axis, names)
        for variant in (v for group in groups for v in group.chosen if axis in names_for(v)):
            for value in values:
                bind(variant, {axis: value})


def _cases_of(
    group: Contestants,
    preset: str,
    device: str,
    nodes: int,
    overrides: dict[str, tuple[Plain, ...]],
    model: Model | None,
    refusals: Refusals,
) -> Iterator[Case]:
    for module, error in group.chosen_broken.items():
        print(f"{module} cannot be imported: {error}", file=sys.stderr)
        yield Case(group.suite, module.rpartition(".")[2], module, "", {}, device=device)

    problems = {v.problem_type.__name__: v.problem_type for v in group.chosen}
    like = {name: axes_like(model, p) if model else {} for name, p in problems.items()}

    def asked(kind: str) -> list[Asked]:
        sweeps = _sweeps(group, preset, kind)
        sweeps = list(with_kin(model, sweeps, problems)) if model else sweeps
        solved = [s for s in sweeps if any(_solves(variant, s) for variant in group.chosen)]
        return [(s, point) for s in solved for point in _points(s, like[s.problem] | overrides)]

    unasked = {v.name for v in group.chosen if v.name == group.pattern}  # others a preset may skip
    once: set[str] = set()  # what lacks a package lacks it at every size
    for where, sweep, point in placed(device, asked, "ranks" in overrides, nodes):
        for variant in (v for v in group.chosen if _solves(v, sweep) and v.name not in once):
            unasked.discard(variant.name)
            own = point
            if variant.lacking:
                once.add(variant.name)
                own = point | {"rounds": 0, "quality_seeds": 0}
            problem = variant.problem_type
            given = {axis: point[axis] for axis in like[sweep.problem] | overrides}
            try:
                case = _case(group.suite, variant, own, where)
            except UserError as error:
                refusals.refuse(problem, given, error)
                continue
            refusals.take(problem, given, case.values)
            yield case
    for name in unasked:
        told = f"{preset} asks nothing of it; --preset may name another"
        print(f"{group.suite}/{name}: {told}", file=sys.stderr)


def _points(sweep: Sweep, overrides: dict[str, tuple[Plain, ...]]) -> list[dict[str, Plain]]:
    try:
        return list(sweep.points(overrides))
    except ArithmeticError as error:
        given = ", ".join(f"{axis}={values}" for axis, values in overrides.items())
        raise UserError(f"--set {given}: nothing can be derived from it: {error}") from error


def _sweeps(group: Contestants, preset: str, kind: str) -> list[Sweep]:
    """Collect the preset's sweeps of every suite whose problems these variants solve."""
    sweeps: dict[str, list[Sweep]] = {}
    for problem in {v.problem_type for v in group.chosen}:
        package = problem.__module__.rpartition(".")[0]
        if package and f"{package}.preset" not in sweeps:
            sweeps[f"{package}.preset"] = _preset(f"{package}.preset", preset, kind)
    found = [sweep for some in sweeps.values() for sweep in some]
    named = {sweep.problem for sweep in found}
    own = {
        v.problem_type.__name__
        for v in group.chosen
        if v.problem_type.__module__.startswith(PREFIX)
    }
    return found + [Sweep(name, {}) for name in sorted(own - named)]


def _preset(module: str, preset: str, kind: str) -> list[Sweep]:
    try:
        functions = importlib.import_module(module)
    except ModuleNotFoundError:
        return []
    sweeps: list[Sweep] = getattr(functions, preset)(kind)
    return sweeps


def _solves(variant: Variant, sweep: Sweep) -> bool:
    return variant.problem_type.__name__ == sweep.problem and sweep.asks(variant)


def _case(suite: str, variant: Variant, point: dict[str, Plain], device: str) -> Case:
    bound = bind(variant, point)
    problem = _problem(variant.problem_type, bound.values)
    settings: dict[str, Any] = dict(bound.settings)
    settings["pass_"] = settings.pop("pass", problem.passes[0])
    settings["allocator"] = _allocator(settings.get("allocator"), device)
    options = {**variant.options, **bound.options}
    case = Case(
        suite=suite,
        variant=variant.name,
        module=variant.module,
        problem=type(problem).__name__,
        values={f.name: getattr(problem, f.name) for f in dataclasses.fields(problem)},  # type: ignore[arg-type]
        device=device,
        options=options,
        posed_by=_posed_by(variant.problem_type, suite),
        source_hash=source_hash(variant),
        compiles=variant.compiles_with(options),
        **settings,
    )
    setting = Setting.of(case)
    return dataclasses.replace(
        case,
        flops=problem.flops(setting),
        bytes_moved=problem.bytes_moved(setting),
        work=problem.work(setting),
        quality_calls=problem.quality_calls(setting) if case.quality_seeds else 0,
        preload=[*variant.preload_with(options), *problem.imports()],
        computes_in=list(variant.computes_in or problem.computes_in),
        provisioned=type(problem).provision is not Problem.provision
        or variant.provision is not None,
    )


def _posed_by(problem: type[Problem], suite: str) -> str:
    """Return another suite whose variants contest a problem for its kind; empty where none does."""
    points = entry_points(group="touchstone.suites")
    own = [point.name for point in points if point.value == problem.contested_by]
    return next((name for name in own if name != suite), "")


def _allocator(asked: str | None, device: str) -> str:
    """Return the allocator asked for; by default a fixed one, where it can be fixed."""
    if device == "cpu":
        return asked or ("system" if allocator.cannot_fix() else "fixed")
    if asked == "system":
        raise UserError("axis allocator: is of a CPU's malloc; on a GPU expected fixed or nothing")
    return "fixed"


def _problem(problem_type: type[Problem], values: dict[str, Plain]) -> Problem:
    try:
        return problem_type(**values)
    except (ValueError, TypeError) as error:
        raise UserError(f"{problem_type.__name__}: {error}") from error
