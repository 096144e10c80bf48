"""`make ci` and its workflow: what is run, on which base, and that the worst exit code is kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bench.system.git import git
from tests.conftest import ROOT

STUB = """#!/bin/sh
echo "$@" >> called
case "$1" in
  ab) while [ $# -gt 0 ] && [ "$1" != --output ]; do shift; done
      [ $# -gt 0 ] || exit 0
      mkdir -p "$2/x-ab-y/B"; touch "$2/x-ab-y/B/run.json"; exit "${AB:-0}";;
  compare) exit "${COMPARE:-0}";;
  run) while [ "$1" != --output ]; do shift; done
       mkdir -p "$2/x"; touch "$2/x/run.json" "$2/x/records.jsonl" "$2/x/structures.jsonl";;
esac
"""


class Project:
    """A repository with this Makefile, and a `bench` that only notes how it was called."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("Makefile", "pyproject.toml", ".ci"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "installed-cpu").touch()
        stub = folder / ".venv" / "bin" / "bench"
        stub.write_text(STUB)
        stub.chmod(0o755)
        self.commit("main")

    def commit(self, branch: str) -> str:
        if not (self.folder / ".git").exists():
            git(self.folder, "init", "--quiet", "--initial-branch", branch)
        else:
            git(self.folder, "checkout", "--quiet", "-b", branch)
        person = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        git(self.folder, *person, "commit", "--quiet", "--allow-empty", "--message", "a change")
        return git(self.folder, "rev-parse", "HEAD").strip()

    def make(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        names = ("GITHUB_STEP_SUMMARY", "GITHUB_BASE_REF", "BASE", "MAKEFLAGS", "MAKELEVEL")
        inherited = {k: v for k, v in os.environ.items() if k not in names}
        return subprocess.run(
            ["make", "DEVICE=cpu", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            env={**inherited, **environment},
        )

    @property
    def called(self) -> list[str]:
        path = self.folder / "called"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_profile_is_of_the_case_that_is_named(project: Project) -> None:
    project.make("profile", "CASE=attention/sdpa_flash --set seqlen=64")
    assert project.called == ["profile attention/sdpa_flash --set seqlen=64"]
    done = project.make("profile")
    assert done.returncode != 0
    assert "expected make profile CASE=" in done.stdout
    assert len(project.called) == 1


def test_the_merge_base_is_measured_again(project: Project) -> None:
    base = git(project.folder, "rev-parse", "main").strip()
    project.commit("mine")
    assert project.make("ci").returncode == 0
    (call,) = project.called
    assert call.startswith(f"ab {base} . --preset smoke --output runs/ci-")


def test_a_base_may_be_named_and_a_summary_is_passed_on(project: Project) -> None:
    done = project.make("ci", "BASE=v1", "PRESET=quick", GITHUB_STEP_SUMMARY="/tmp/summary.md")
    assert done.returncode == 0, done.stderr
    (call,) = project.called
    assert call.startswith("ab v1 . --preset quick")
    assert call.endswith("--summary /tmp/summary.md")


def test_without_a_base_it_says_so(project: Project) -> None:
    git(project.folder, "branch", "--move", "main", "trunk")
    done = project.make("ci")
    assert done.returncode != 0
    assert "error: git knows no common ancestor" in done.stderr
    assert not project.called


def test_a_baseline_gates_what_the_head_measured(project: Project) -> None:
    assert project.make("baseline").returncode == 0
    kept = {path.name for path in (project.folder / "reports" / "baseline").iterdir()}
    assert kept == {"run.json", "records.jsonl", "structures.jsonl"}
    assert project.make("ci").returncode == 0
    ran, _, compared = project.called
    assert ran.startswith("run --preset smoke")
    assert compared.startswith("compare reports/baseline runs/ci-")
    assert compared.endswith("/x-ab-y/B --force --gate memory,counts,errors,quality")


def test_whoever_asks_is_failed_by_another_structure(project: Project) -> None:
    assert project.make("baseline").returncode == 0
    assert project.make("ci", "STRUCTURE=same").returncode == 0
    _, beside, stored = project.called
    assert beside.endswith("--wait --profile --gate time,memory,counts,errors,quality,structure")
    assert stored.endswith("--gate memory,counts,errors,quality,structure")


@pytest.mark.parametrize(
    ("ab", "compare", "worst"),
    [
        (0, 0, 0),
        (1, 0, 1),
        (0, 1, 1),
        (3, 0, 3),
        (3, 1, 1),
        (6, 0, 6),
        (6, 1, 1),
        (6, 2, 2),
        (0, 6, 6),
        (0, 2, 2),
        (1, 2, 2),
        (1, 70, 70),
        (130, 0, 130),
    ],
)
def test_the_worst_exit_code_is_kept(project: Project, ab: int, compare: int, worst: int) -> None:
    baseline = project.folder / "reports" / "baseline"
    baseline.mkdir(parents=True)
    (baseline / "run.json").touch()
    done = subprocess.run(
        [".ci/gate", "main"],
        cwd=project.folder,
        env={**os.environ, "BENCH": ".venv/bin/bench", "AB": str(ab), "COMPARE": str(compare)},
    )
    assert done.returncode == worst
    assert len(project.called) == (1 if ab == 130 else 2)


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ((), "--at-most auto --budget 30m --wait"),
        (("AT_MOST=5%",), "--at-most 5% --budget 30m --wait"),
        (("AT_MOST=5%", "BUDGET=1h"), "--at-most 5% --budget 1h --wait"),
        (("AT_MOST=off",), "--at-most off --wait"),
    ],
)
def test_a_slowdown_that_must_be_excluded_may_be_named(
    project: Project, words: tuple[str, ...], limit: str
) -> None:
    assert project.make("ci", *words).returncode == 0
    (call,) = project.called
    assert limit in call


def test_runs_are_compared_and_revisions_measured(project: Project) -> None:
    (project.folder / "old").mkdir()
    (project.folder / "old" / "run.json").touch()
    assert project.make("compare", "BASE=old", "NEW=new").returncode == 0
    assert project.make("compare", "BASE=main", "NEW=.", "PRESET=quick").returncode == 0
    assert project.called == ["compare old new", "ab main . --preset quick"]
    assert "expected make compare BASE=" in project.make("compare").stdout


def test_the_workflow_is_sound() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "bench.yml").read_text())
    assert set(workflow[True]) == {"pull_request", "push"}  # YAML 1.1 reads `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert 0 < job["timeout-minutes"] <= 60
    steps = job["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    assert all(step["uses"].partition("@v")[2].isdigit() for step in steps if "uses" in step)
    targets = [step["run"] for step in steps if "run" in step]
    assert targets == ["make setup", "make ci"]
    assert (ROOT / "Makefile").read_text().count("\nci: setup") == 1
