"""What a run folder says of the machine is fit to publish."""

from __future__ import annotations

import getpass
import json
import socket
import sys
from pathlib import Path

import pytest

from bench.machine.facts import facts
from bench.sides import checkout
from bench.sides.checkout import publishable
from bench.system.own import ROOT


def test_paths_and_names_are_hidden() -> None:
    host = socket.gethostname()
    text = f'File "{ROOT}/suites/x.py" in {sys.prefix}/lib, {Path.home()}/mine.py, {host}'
    found = publishable(text)
    assert 'File "./suites/x.py"' in found
    assert str(ROOT) not in found
    assert str(Path.home()) + "/" not in found
    assert socket.gethostname() not in found.split()


def test_words_that_only_contain_a_name_stay() -> None:
    assert publishable("a/rooted/tree") == "a/rooted/tree"
    assert publishable(f"{ROOT}er/x") == f"{ROOT}er/x"


def test_facts_name_kinds_not_machines() -> None:
    found = facts()
    text = json.dumps(found)
    host = socket.gethostname()
    assert len(host) < 3 or f'"{host}"' not in text
    assert f"/{getpass.getuser()}/" not in text
    assert found["machine_id"] == facts()["machine_id"]
    assert found["cores"] >= found["cores_usable"] >= 1
    assert found["libraries"]["torch"]


def test_a_runs_folder_is_publishable(faults_run: Path) -> None:
    for path in faults_run.rglob("*"):
        if path.suffix in (".json", ".jsonl", ".txt", ".csv"):
            text = path.read_text()
            assert str(ROOT) not in text, path
            assert f"{Path.home()}/" not in text, path


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local"])
def test_the_systems_python_hides_nothing_of_the_system(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", prefix)
    checkout._redaction.cache_clear()
    try:
        assert publishable("/usr/lib/libjemalloc.so.2") == "/usr/lib/libjemalloc.so.2"
        assert publishable(f"{ROOT}/x") == "./x"
    finally:
        checkout._redaction.cache_clear()
