"""The three rooms and their one direction; and a parent that never imports torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bench", "suites", "reports")
MAY_IMPORT = {"bench": set(), "suites": {"bench"}, "reports": {"bench"}}
TORCH_FREE = ("preset.py", "claims.py", "charts.py")


def imports(path: Path) -> set[str]:
    """Return every dotted name a file imports, at any depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def top(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_in_one_direction(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        others = top(imports(path)) & set(ROOMS) - {room}
        assert others <= MAY_IMPORT[room], f"{path.relative_to(ROOT)} imports {others}"


def test_suites_import_no_other_suite() -> None:
    suites = [p for p in (ROOT / "suites").iterdir() if (p / "__init__.py").exists()]
    assert len(suites) >= 2
    for suite in suites:
        for path in suite.rglob("*.py"):
            others = {n for n in imports(path) if n.startswith("suites.")}
            allowed = (f"suites.{suite.name}", "suites.models")
            assert all(n.startswith(allowed) for n in others), path


def test_presets_claims_charts_and_reports_are_torch_free() -> None:
    files = [p for p in (ROOT / "suites").rglob("*.py") if p.name in TORCH_FREE]
    files += (ROOT / "reports").rglob("*.py")
    assert len(files) > 5
    for path in files:
        assert "torch" not in top(imports(path)), path


def test_bench_names_no_suite_and_no_report() -> None:
    for path in (ROOT / "bench").rglob("*.py"):
        code = ast.parse(path.read_text())
        texts = [n.value for n in ast.walk(code) if isinstance(n, ast.Constant)]
        for text in texts:
            assert not (isinstance(text, str) and text.startswith(("suites.", "reports."))), path


def without_torch(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an interpreter whose own process cannot import torch."""
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['bench', *sys.argv[1:]];"
        "from bench.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT, timeout=120
    )


def test_parent_runs_without_torch(faults_run: Path, tmp_path: Path) -> None:
    for words in (
        ["list", "suites.faults"],
        ["show", str(faults_run)],
        ["report", str(faults_run)],
        ["claims", str(ROOT / "tests" / "data" / "golden")],
        ["compare", str(faults_run), str(faults_run), "--output", str(tmp_path)],
        ["run", "attention", "--dry-run"],
    ):
        done = without_torch(*words)
        assert done.returncode == 0, (words, done.stderr)
        assert done.stdout


def test_nothing_imports_the_proofs() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert "benchmarks" not in top(imports(path)), path
