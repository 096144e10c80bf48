"""Wings, rooms and their one direction; and a parent that never imports torch."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import SERVERS

ROOT = Path(__file__).resolve().parents[2]
WINGS = ("bench", "suites", "reports")
DOORS = {"answers", "charts", "claims", "compilation", "module", "operator", "reading", "workload"}
TORCH_FREE = ("preset.py", "answers.py", "claims.py", "charts.py")


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


def test_nothing_lies_loose_in_the_instrument() -> None:
    loose = {path.stem for path in (ROOT / "bench").glob("*.py")}
    assert loose == {"__init__", "__main__", "cli", "errors", *DOORS}


def test_every_room_has_a_layer_and_says_what_lives_there() -> None:
    """An arrow of a room that no contract names would go unseen."""
    rooms = {path.parent.name for path in (ROOT / "bench").glob("*/__init__.py")}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers, doors = contracts["contracts"][:2]
    layered = {name.strip() for layer in layers["layers"] for name in layer.split("|")}
    assert layered == {f"bench.{room}" for room in rooms} | {"bench.errors"}
    assert set(doors["forbidden_modules"]) == {f"bench.{room}" for room in rooms}
    assert len(rooms) <= 15
    for room in rooms:
        said = ast.get_docstring(ast.parse((ROOT / "bench" / room / "__init__.py").read_text()))
        assert said, room


TURNED = {  # an import that must not be, and the contract that says so
    "a room knows one above it": ("bench/cases/case.py", "bench.commands.run", "A room imports"),
    "a suite comes in by a window": ("suites/attention/math.py", "bench.timing.sampling", "doors"),
    "a suite knows another": ("suites/attention/math.py", "suites.samplers.grids", "No suite"),
    "the instrument names a suite": ("bench/running/pace.py", "suites.faults", "names neither"),
    "a report names a suite": ("reports/table.py", "suites.faults", "Suites and reports"),
    "two files know each other": ("bench/cases/case.py", "bench.cases.kind", "No circles"),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what import-linter says of each contract where every arrow is turned."""
    checkout = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    for wing in WINGS:
        ignored = shutil.ignore_patterns("published", "__pycache__")
        shutil.copytree(ROOT / wing, checkout / wing, ignore=ignored)
    for name, module, _ in TURNED.values():
        with (checkout / name).open("a") as file:
            file.write(f"\nimport {module}\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        capture_output=True,
        text=True,
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "COLUMNS": "200"},
    )
    assert done.returncode == 1, done.stderr
    _, _, details = done.stdout.partition("Broken contracts")
    names, told = re.split(r"\n(.+)\n-+\n", details)[1::2], re.split(r"\n.+\n-+\n", details)[1:]
    return dict(zip(names, told, strict=True))


@pytest.mark.parametrize("turned", TURNED)
def test_an_arrow_that_is_turned_is_found(turned: str, broken: dict[str, str]) -> None:
    name, module, contract = TURNED[turned]
    (said,) = [told for named, told in broken.items() if contract in named]
    importer, imported = name.removesuffix(".py").replace("/", "."), module.rpartition(".")[2]
    circle = f"in {importer.rpartition('.')[0]}.\n" in said and f"- .{imported} -> " in said
    assert circle or f"{importer} -> {module} " in said


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


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from bench.cli import main
from bench.sides import server
from tests.forked_servers import subprocess_of
vars(server)["subprocess"] = subprocess_of(sys.argv[1])
for line in sys.stdin:
    sys.argv = ["bench", *eval(line)]
    print(">", *sys.argv, flush=True)
    try:
        main()
    except SystemExit as end:
        assert not end.code, (sys.argv, end.code)
"""


def test_parent_runs_without_torch(faults_run: Path, forked_servers: None, tmp_path: Path) -> None:
    """No command needs torch in its own process: none can import it in this one."""
    commands = (
        ["list", "suites.faults"],
        ["list", "attention", "--long", "--like", "llama-3.1-8b"],
        ["show", str(faults_run)],
        ["report", str(faults_run)],
        ["claims", str(ROOT / "tests" / "data" / "golden")],
        ["compare", str(faults_run), str(faults_run), "--output", str(tmp_path)],
        ["explain", str(faults_run), str(faults_run)],
        ["run", "attention", "--dry-run"],
        ["plan", "--params", "7.5e9", "--like", "llama-3.1-8b"],
    )
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, SERVERS],
        input="\n".join(map(repr, commands)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.split("> bench ")[1:]
    assert [text.split()[0] for text in said] == [words[0] for words in commands]
    assert all(text.count("\n") > 1 for text in said), said


def test_nothing_imports_the_proofs() -> None:
    for room in WINGS:
        for path in (ROOT / room).rglob("*.py"):
            assert "benchmarks" not in top(imports(path)), path
