"""Under `python -O` no assert is run: none may do anything that is needed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ("bench", "suites", "reports", "benchmarks")
HARMLESS = {"isinstance", "issubclass", "len", "all", "any", "callable", "hasattr"}


@cache
def code() -> list[tuple[Path, ast.Module]]:
    return list(_parsed())


def _parsed() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if not path.name.startswith("test_"):
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def computed_attributes() -> set[str]:
    """Name what looks like an attribute and does something once: a plain property only looks."""
    found = set()
    for _, module in code():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef):
                marks = {ast.unparse(mark) for mark in node.decorator_list}
                if any("cached_property" in mark for mark in marks):
                    found.add(node.name)
    return found


def does(test: ast.expr, computed: set[str]) -> str:
    """Say what an asserted expression does besides looking; nothing where it only looks."""
    for node in ast.walk(test):
        if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
            return ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in HARMLESS:
            return ast.unparse(node)
        if isinstance(node, ast.Attribute) and node.attr in computed:
            return ast.unparse(node)
    return ""


def test_no_assert_does_anything() -> None:
    computed = computed_attributes()
    assert "hello" in computed
    seen = 0
    for path, module in code():
        for node in ast.walk(module):
            if isinstance(node, ast.Assert):
                seen += 1
                found = does(node.test, computed)
                assert not found, f"{path}, line {node.lineno}: {found}"
    assert seen > 5


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("assert server.hello", "server.hello"),
        ("assert queue.pop()", "queue.pop()"),
        ("assert (found := look)", "(found := look)"),
        ("assert found is not None", ""),
        ("assert isinstance(x, int) and len(x.parts) > 1", ""),
    ],
)
def test_what_an_assert_may_do(source: str, expected: str) -> None:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.Assert)
    assert does(node.test, {"hello"}) == expected
