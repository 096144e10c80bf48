"""What NVML says of GPUs, on made-up ones: every fact by itself, every card by itself."""

from __future__ import annotations

import json
import sys

import pytest

from bench.machine.gpus import gpu_facts
from bench.running.identity import _uuids as gpus_identities
from tests import fake_nvml


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml)


def facts_of(monkeypatch: pytest.MonkeyPatch, *gpus: dict[str, object]) -> list[dict[str, object]]:
    monkeypatch.setenv("FAKE_NVML", json.dumps(gpus))
    return gpu_facts()


def test_a_gpu_is_described_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = facts_of(monkeypatch, {"uuid": "GPU-12345678"})
    assert found["name"] == "NVIDIA H100 80GB HBM3"
    assert (found["driver"], found["cuda_driver"]) == ("580.65.06", "13.0")
    assert (found["power_limit_w"], found["compute_capability"]) == (700.0, "9.0")
    assert "GPU-12345678" not in str(found)


def test_a_fact_that_is_refused_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = facts_of(monkeypatch, {"refuses": ["limit", "ecc"]})
    assert found["power_limit_w"] == found["ecc"] == "not exposed: Not Supported"
    assert found["name"] == "NVIDIA H100 80GB HBM3"


def test_what_an_older_driver_lacks_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = facts_of(monkeypatch, {"lacks": ["ecc", "uuid"]})
    assert found["ecc"] == "not exposed: Unversioned function called"
    assert found["name"] == "NVIDIA H100 80GB HBM3"
    assert gpus_identities([0]) == []


def test_a_card_in_trouble_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = facts_of(monkeypatch, {"refuses": ["handle"]}, {})
    assert first["name"] == "not exposed: Not Supported"
    assert (second["index"], second["name"]) == (1, "NVIDIA H100 80GB HBM3")
    assert first["driver"] == second["driver"]


def test_without_a_driver_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert facts_of(monkeypatch) == []
