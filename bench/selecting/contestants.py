"""Whom a selection asks for: a suite's variants, some of them by pattern, or those of a file."""

from __future__ import annotations

import dataclasses
import inspect
import os
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.cases.problem import Problem
from bench.cases.variant import Variant
from bench.errors import UserError, in_one_line, unknown
from bench.selecting.axes import fields_of
from bench.selecting.discover import homes, load_module, module_names, problems_of, variants_of
from bench.selecting.guests import EndedAtImport, where


class Lacking(UserError):
    """A selector names what is not there."""


@dataclasses.dataclass(frozen=True)
class Contestants:
    """The variants one selector asks for, under the suite name they are reported as."""

    suite: str
    variants: list[Variant]
    broken: dict[str, str]
    pattern: str = "*"

    @property
    def chosen(self) -> list[Variant]:
        """Match a whole name, or what follows an underscore: `flash*` finds `sdpa_flash`."""
        return [v for v in self.variants if any(fnmatchcase(n, self.pattern) for n in _tails(v))]

    @property
    def chosen_broken(self) -> dict[str, str]:
        """Return the modules that cannot be imported and whose own name is asked for."""
        return {
            module: why
            for module, why in self.broken.items()
            if fnmatchcase(module.rpartition(".")[2], self.pattern)
        }


def _tails(variant: Variant) -> list[str]:
    words = variant.name.split("_")
    return ["_".join(words[i:]) for i in range(len(words))]


def contestants_of(request: dict[str, Any]) -> tuple[list[Contestants], dict[str, str]]:
    """Return what the selectors ask for, and by selector why there is nothing."""
    found: list[Contestants] = []
    lacking: dict[str, str] = {}
    lenient = request.get("lenient", False)
    selectors = request["selectors"] or sorted(request["suites"])
    names = names_of_files(list(filter(_is_file, selectors)), request["suites"])
    for selector in sorted(selectors, key=_is_file):  # last: what a file defines is its own alone
        try:
            found += _find(selector, request["suites"], names)
            if not lenient:
                _expect_some(found[-1])
        except Lacking as error:
            if not lenient:
                raise
            lacking[selector] = str(error)
    return found, lacking


def _is_file(selector: str) -> bool:
    return selector.endswith(".py")


def _find(selector: str, suites: dict[str, str], names: dict[str, str]) -> list[Contestants]:
    """Resolve a suite, `suite/pattern`, a dotted package, or the path of a file."""
    if _is_file(selector):
        return _from_file(selector, suites, names[selector])
    name, slash, pattern = selector.partition("/")
    package = suites.get(name, name if "." in name else "")
    if not package or not all(part.isidentifier() for part in package.split(".")):
        raise Lacking(str(unknown("suite", name, suites)))
    if slash and not pattern:
        raise UserError(f"'{selector}': expected a pattern after '/', as in {name}/*; got none")
    modules = _modules_of(name, package)
    group = _from_package(_name_of(package, suites), modules, pattern or "*")
    if not group.broken:  # one that cannot be imported may define what the pattern means
        _expect_some(group)
    return [group]


def _expect_some(group: Contestants) -> None:
    """Refuse a pattern that fits nothing."""
    if not group.chosen and not group.chosen_broken:
        known = (v.name for v in group.variants)
        words = str(unknown(f"variant in {group.suite}", group.pattern, known))
        broken = "; ".join(f"{module} cannot be imported" for module in group.broken)
        raise Lacking(f"{words}; {broken}" if broken else words)


def _name_of(package: str, suites: dict[str, str]) -> str:
    """Return the last part of a package's name, all of it where a suite is called so already."""
    last = package.rpartition(".")[2]
    return last if suites.get(last, package) == package else package


def _modules_of(name: str, package: str) -> list[str]:
    try:
        return module_names(package)
    except ModuleNotFoundError as error:
        raise Lacking(f"suite '{name}': {error}") from error
    except Exception as error:  # whatever a user's package raises at import
        raise _refusal(error, package) from error


def _refusal(error: Exception, what: str) -> UserError:
    """Say in a line where a module of the user's failed at its import, and with what."""
    if isinstance(error, EndedAtImport):
        return UserError(str(error))
    if isinstance(error, SyntaxError):
        return UserError(f"{error.filename or what}, line {error.lineno}: {error.msg}")
    file, line = where(error, what)
    return UserError(f"{file}, line {line}: {type(error).__name__}: {in_one_line(str(error))}")


def names_of_files(paths: list[str], suites: dict[str, str]) -> dict[str, str]:
    """Name the suite of each file: its own name, with its folder's where that would meet another.

    A file named like one of the tool's suites keeps its ending.
    """
    names = {}
    for path in map(Path, paths):
        alike = {other for other in paths if Path(other).stem == path.stem}
        name = path.stem if path.stem not in suites else path.name
        names[str(path)] = f"{path.parent.name}.{name}" if len(alike) > 1 else name
    return names


def _from_file(path: str, suites: dict[str, str], name: str) -> list[Contestants]:
    """Find a file's variants; those that solve a suite's problem are contestants of that suite."""
    if not os.path.isfile(path):
        raise Lacking(f"no such file: {path}; expected a Python file that defines variants")
    try:
        module = load_module(path)
    except Exception as error:  # whatever a user's file raises at import
        raise _refusal(error, path) from error
    found = [dataclasses.replace(v, module=path, homes=homes(v)) for v in variants_of(module)]
    for variant in found:
        fields_of(variant.problem_type)  # read while the modules of this file's folder are there
    if not found:
        raise UserError(f"{path} defines {_instead_of_variants(module)}")
    groups: dict[str, list[Variant]] = {}
    for variant in found:
        groups.setdefault(_suite_of(variant, suites) or name, []).append(variant)
    return [Contestants(suite, variants, {}) for suite, variants in groups.items()]


def _instead_of_variants(module: ModuleType) -> str:
    """Say what a file without variants has, and what it lacks."""
    problem = next(iter(problems_of(module)), None)
    if problem is None:
        return "no variant; expected a function marked @variant or a ModuleProblem"
    name = problem.__name__
    if inspect.isabstract(problem):
        missing = ", ".join(sorted(problem.__abstractmethods__))
        return f"the problem {name} without {missing}, and no variant of it; add both"
    return (
        f"the problem {name} and no variant of it; add a way to solve it, a function marked "
        f"@variant: `def mine(problem: {name})`{_models(problem)}"
    )


def _models(problem: type[Problem]) -> str:
    """Name the package where ways to solve a problem of this kind can be seen."""
    homes_of_bases = (base.__module__.rpartition(".")[0] for base in problem.__mro__[1:])
    package = next((home for home in homes_of_bases if "." in home), "")
    return f", like those in {package}" if package else ""


def _suite_of(variant: Variant, suites: dict[str, str]) -> str | None:
    """Return the suite whose problem a variant solves."""
    home = variant.problem_type.__module__
    return next((name for name, package in suites.items() if home.startswith(f"{package}.")), None)


def _from_package(suite: str, modules: list[str], pattern: str) -> Contestants:
    variants: list[Variant] = []
    broken: dict[str, str] = {}
    for name in modules:
        try:
            variants += variants_of(load_module(name))
        except Exception as error:  # a broken contestant is a row, and stops no other
            broken[name] = f"{type(error).__name__}: {in_one_line(str(error))}"
    _expect_unique(suite, variants)
    return Contestants(suite, variants, broken, pattern)


def _expect_unique(suite: str, variants: list[Variant]) -> None:
    seen: dict[tuple[str, type], Variant] = {}
    for variant in variants:
        other = seen.setdefault((variant.name, variant.problem_type), variant)
        if other is not variant:
            raise UserError(
                f"suite {suite}: '{variant.name}' is defined twice, in {other.module} and "
                f"{variant.module}; rename one"
            )
