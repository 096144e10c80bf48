"""`bench ab` of each sort of side: revisions of this project, interpreters, variants."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.running.pairing.contenders import contenders
from bench.store.paired import read_pairing
from tests.conftest import BENCH, ROOT, Bench
from tests.running.users_repository import OLD, Repository, outcomes, sides


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return a checkout of this project whose first revision has an instrument that fails."""
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__")
    for room in ("bench", "reports"):
        shutil.copytree(ROOT / room, folder / room, ignore=ignored)
    (folder / "suites").mkdir()
    (folder / "suites" / "__init__.py").touch()
    shutil.copytree(ROOT / "suites" / "faults", folder / "suites" / "faults", ignore=ignored)
    repository = Repository(folder)
    (folder / ".gitignore").write_text("__pycache__\nruns\n")
    none, worker = folder / "suites/faults/none.py", folder / "bench/workers/worker.py"
    good, text = none.read_text(), worker.read_text()
    none.write_text(good.replace("inputs[0] * 2", "inputs[0] * 5"))
    worker.write_text("raise SystemExit('an instrument of the past')\n")
    (folder / "bench" / "leftover.py").touch()
    repository.commit()
    none.write_text(good)
    worker.write_text(text)
    (folder / "bench" / "leftover.py").unlink()
    return repository


@pytest.mark.slow
def test_suites_come_from_the_revision_and_the_instrument_from_now(checkout: Repository) -> None:
    words = ["suites.faults/none", "--rounds", "2", "--confirm", "0", "--device", "cpu"]
    done = subprocess.run(
        [*BENCH, "ab", "HEAD", ".", *words],
        cwd=checkout.folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(checkout.folder)},
    )
    assert done.returncode in (0, 1), done.stderr
    (folder,) = (checkout.folder / "runs").iterdir()
    a, b = sides(folder)
    assert (outcomes(a), outcomes(b)) == ({"none": "incorrect"}, {"none": "ok"})
    assert a.manifest.cases[0].source_hash != b.manifest.cases[0].source_hash
    assert (a.manifest.git["dirty"], b.manifest.git["dirty"]) == (False, True)


@pytest.mark.slow
def test_an_interpreter_needs_torch_and_no_other_package(bench: Bench, tmp_path: Path) -> None:
    parents_own = ("msgspec", "typer", "rich", "pandas", "scipy", "altair", "pynvml")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(
        f"import sys\nfor name in {parents_own}:\n    sys.modules[name] = None\n"
    )
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path}/bare:$PYTHONPATH" exec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    words = ["suites.faults/none", "--rounds", 2, "--confirm", 0, "--device", "cpu"]
    done = bench("ab", sys.executable, python, *words, "--output", tmp_path / "runs")
    assert done.returncode in (0, 1), done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert [outcomes(run) for run in sides(folder)] == [{"none": "ok"}] * 2
    assert read_pairing(folder).sort == "interpreter"
    environments = [run.last_session.environment for run in sides(folder)]
    assert environments[0]["libraries"] == environments[1]["libraries"]


def test_two_variants_of_a_users_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OLD)
    words = ["mine.py", "--rounds", 2, "--confirm", 0, "--device", "cpu", "--set", "n=8,9"]
    done = bench("ab", "mine/stays", "mine/also_stays", *words, cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    a, b = sides(folder)
    assert (outcomes(a), outcomes(b)) == ({"stays": "ok"}, {"also_stays": "ok"})
    assert [c.question for c in a.manifest.cases] == [c.question for c in b.manifest.cases]
    assert read_pairing(folder).matched_by == "question"


def test_options_of_a_variant_are_its_sides_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with contenders("attention/math", "attention/tiled[block=64, x=1]", []) as (a, b):
        assert (a.sets, b.sets) == ([], ["block=64", "x=1"])
        assert b.selectors == ["attention/tiled"]
        assert b.variant == ("attention", "tiled")
