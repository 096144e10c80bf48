"""Tests that would notice: one small change at a time in lines where a wrong one is a wrong number.

cosmic-ray makes the mutants. Each is tried in a process of its own, forked from one that has
imported what the tests need of others' code, and is imported there in place of the module: no
file is changed. `mutants.toml` says which tests should notice which module's mutants, and which
mutants change nothing that could matter.
"""

from __future__ import annotations

import csv
import gc
import importlib
import os
import resource
import signal
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import CodeType
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.results import FOLDER, Output, Row, Target, tell, write

LIST = Path(__file__).with_suffix(".toml")
LEAST_SHARE = 0.9
OTHERS = (
    *("msgspec", "numpy", "pandas", "pytest", "scipy.special", "scipy.stats", "torch"),
    "torch.fx.experimental.symbolic_shapes",  # sympy, for a place in a tensor
)
PYTEST = (
    *("-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-m", "not slow"),
    *("-o", "addopts=--strict-markers"),
)
MOST_BYTES = 6 << 30  # of memory: a loop that lost its end would take it all
MOST_S = (
    120  # by the wall, of one mutant: tests that take seconds alone, on a machine that is shared
)
ENDLESS = (-signal.SIGPROF, -signal.SIGALRM)  # ended by an alarm: noticed, as by whoever waits
GUARDS = ("frozen=True", "strict=True")  # against mistakes in writing; no number hangs on them
SWAPPED = {
    "BinaryOperator": ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "FloorDiv_Div"),
    "ComparisonOperator": (
        *("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_Gt", "Gt_Lt", "LtE_GtE", "GtE_LtE"),
        *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
    ),
    "UnaryOperator": ("Delete_USub", "Delete_Not"),
}
OPERATORS = (
    *(f"core/Replace{kind}_{swap}" for kind, swaps in SWAPPED.items() for swap in swaps),
    *("core/NumberReplacer", "core/AddNot", "core/ReplaceAndWithOr", "core/ReplaceOrWithAnd"),
    *("core/ReplaceTrueWithFalse", "core/ReplaceFalseWithTrue", "core/ZeroIterationForLoop"),
    *("core/ReplaceBreakWithContinue", "core/ReplaceContinueWithBreak"),
)


Change = tuple[str, str, str]  # of a module: a line as it was, and as it is now, without spaces


@dataclass(frozen=True)
class Mutant:
    """A module with one line changed; `number` tells apart lines that read alike."""

    module: str
    number: int
    was: str
    now: str
    source: str

    @property
    def change(self) -> Change:
        return self.module, _bare(self.was), _bare(self.now)

    def __str__(self) -> str:
        return f"{self.module}:{self.number}\n  - {self.was}\n  + {self.now}"


class Finder(MetaPathFinder):
    """Finds a mutant where its module is asked for."""

    def __init__(self, mutant: Mutant):
        self.mutant = mutant

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """Return the mutant's spec under its module's name."""
        file = self.mutant.module
        if fullname != file.removesuffix(".py").replace("/", "."):
            return None
        return spec_from_file_location(fullname, file, loader=Loader(fullname, file, self.mutant))


class Loader(SourceFileLoader):
    """Compiles a mutant as its module's file."""

    def __init__(self, fullname: str, path: str, mutant: Mutant):
        super().__init__(fullname, path)
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        """Return the mutant's code."""
        return compile(self.mutant.source, self.path, "exec", dont_inherit=True)


def main(
    only: Annotated[str, typer.Option(help="Part of a module's path.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Mutants tried at once.")] = os.cpu_count() or 1,
    output: Output = FOLDER,
) -> None:
    """Try every mutant, and list those that no test notices."""
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    known = tomllib.loads(LIST.read_text(encoding="utf-8"))
    for name in OTHERS:
        importlib.import_module(name)
    gc.freeze()  # or every process would go through all of it
    listed = {change for one in known["harmless"] for change in listed_by(one)}
    counts: dict[str, Row] = {}
    unlisted: list[Mutant] = []
    survivors: set[Change] = set()
    for module, tests in known["tests"].items():
        if only in module:
            ended = exits(list(mutants_of(module)), tests, jobs)
            unseen = sorted((m for m, code in ended if not code), key=lambda mutant: mutant.number)
            new = [mutant for mutant in unseen if mutant.change not in listed]
            unlisted += new
            survivors |= {mutant.change for mutant in unseen}
            counts[module] = counted(module, [code for _, code in ended])
            console.print(*map(str, [*new, counts[module]]), sep="\n")
    rows = {**(before(output) if only else {}), **counts}
    paths = [write("mutants", list(rows.values()), {}, output)]
    idle = {change for change in listed - survivors if change[0] in counts}
    for change in sorted(idle):
        console.print("no such change goes unnoticed:", *change, sep="\n  ")
    met = list(targets(list(counts.values()), len(unlisted), len(idle)))
    tell(met, paths, console)
    raise typer.Exit(not all(target.met for target in met))


def counted(module: str, codes: Sequence[int | None]) -> Row:
    """Return one module's row, by the exit codes of its mutants' tests."""
    mutants, noticed = len(codes), sum(map(bool, codes))
    endless = sum(code in ENDLESS for code in codes)
    share = {"share": noticed / mutants}
    return {"module": module, "mutants": mutants, "noticed": noticed, "endless": endless, **share}


def before(folder: Path) -> dict[str, Row]:
    """Return the rows of modules that are not tried this time, as they were."""
    path = folder / "mutants.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["module"]: row for row in csv.DictReader(file)}


def mutants_of(module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module that is still Python."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = Path(module).read_text(encoding="utf-8")
    nodes = list(ast_nodes(get_ast(source)))
    for name in OPERATORS:
        operator = get_operator(name)()
        places = sum(len(list(operator.mutation_positions(node))) for node in nodes)
        for place in range(places):
            changed = mutate_code(source, operator, place)
            if changed and _compiles(changed):
                mutant = Mutant(module, *_difference(source, changed), changed)
                if not any(mutant.was == mutant.now.replace(g[:-4] + "False", g) for g in GUARDS):
                    yield mutant


def _compiles(source: str) -> bool:
    try:
        compile(source, "", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _difference(source: str, changed: str) -> tuple[int, str, str]:
    """Return the number of the first line that differs, as it was and as it is now."""
    lines = zip(source.splitlines(), changed.splitlines(), strict=False)
    return next((n, a.strip(), b.strip()) for n, (a, b) in enumerate(lines, 1) if a != b)


def listed_by(reason: dict[str, Any]) -> Iterator[Change]:
    """Yield the changes that a reason is given for."""
    for now in reason["now"]:
        yield reason["module"], _bare(reason["was"]), _bare(now)


def _bare(line: str) -> str:
    """Leave out spaces, which cosmic-ray puts where nobody would."""
    return "".join(line.split())


def exits(
    mutants: Sequence[Mutant], tests: Sequence[str], jobs: int
) -> list[tuple[Mutant, int | None]]:
    """Return the exit code of all tests with each mutant; without any they must pass."""
    known_s = _used_s()
    if _exit_code(_start(None, tests, MOST_S)):
        raise SystemExit(f"error: expected tests that pass without a mutant: {' '.join(tests)}")
    limit_s = 1 + 3 * (_used_s() - known_s)
    left, running, ended = list(mutants), dict[ForkProcess, Mutant](), []
    while left or running:
        while left and len(running) < jobs:
            mutant = left.pop()
            running[_start(mutant, tests, limit_s)] = mutant
        wait([process.sentinel for process in running])
        for process in [p for p in running if not p.is_alive()]:
            ended.append((running.pop(process), _exit_code(process)))
    return ended


def _used_s() -> float:
    """Return the processor's seconds that all ended processes took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _exit_code(process: ForkProcess) -> int | None:
    process.join()
    return process.exitcode


def _start(mutant: Mutant | None, tests: Sequence[str], limit_s: float) -> ForkProcess:
    process = get_context("fork").Process(target=_test, args=(mutant, tests, limit_s))
    process.start()
    return process


def _test(mutant: Mutant | None, tests: Sequence[str], limit_s: float) -> None:
    """Run tests with a mutant in its module's place; alarms end what would not end.

    One by the processor's time, which others' work does not use up; one for what only waits.
    """
    import pytest

    signal.setitimer(signal.ITIMER_PROF, limit_s)
    signal.alarm(MOST_S)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    if mutant:
        sys.meta_path.insert(0, Finder(mutant))
    os._exit(pytest.main([*PYTEST, *tests]))


def targets(counts: Sequence[Row], unlisted: int, idle: int) -> Iterator[Target]:
    """Yield what is asked: most mutants noticed, and a reason for every other one and no more."""
    every, noticed = (sum(row[name] for row in counts) for name in ("mutants", "noticed"))
    told = f"{noticed} of {every}, {noticed / max(every, 1):.1%}"
    yield Target("mutants noticed", told, noticed >= LEAST_SHARE * every)
    yield Target("others without a reason", str(unlisted), not unlisted)
    yield Target("reasons for what is noticed, or is there no more", str(idle), not idle)


if __name__ == "__main__":
    typer.run(main)
