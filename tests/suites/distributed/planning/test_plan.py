"""Plans on paper: the papers' figures, laws between strategies, and nonsense in one line."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.reading import size_of
from suites.distributed.planning import units
from suites.distributed.planning.activations import activation_bytes
from suites.distributed.planning.config import shape_like
from suites.distributed.planning.holding import (
    Plan,
    bytes_sent,
    held,
    largest_batch,
    largest_model,
)
from suites.distributed.planning.shape import Shape, gpt_of
from suites.distributed.planning.strategies import PLANNED

BY_NAME = {strategy.name: strategy for strategy in PLANNED}
PAPER = {"ddp": 120.0, "zero1": 31.4, "zero2": 16.6, "zero3": 1.9}


@pytest.mark.parametrize("name", PAPER)
def test_model_states_are_those_of_the_papers_figure_1(name: str) -> None:
    found = held(Plan(gpt_of(7.5e9), 64), BY_NAME[name]).model_states / 1e9
    assert found == pytest.approx(PAPER[name], abs=0.05)


@pytest.mark.parametrize("precision", ["bf16_mixed", "float32"])
@pytest.mark.parametrize("ranks", [1, 2, 64, 4096])
def test_no_strategy_loses_a_byte(precision: str, ranks: int) -> None:
    """Device and host of all ranks hold 16 bytes a parameter, and replicas as often as they are."""
    plan = Plan(gpt_of(1e9), ranks, precision=precision, ranks_per_node=ranks)
    for strategy in PLANNED:
        own = held(plan, strategy)
        whole = own.model_states + sum(own.host.values())
        assert 16e9 / (1 if strategy.alone else ranks) <= whole * (1 + 1e-9) <= 16e9 * (1 + 2e-9)
        if set(strategy.divided) >= {"parameters", "gradients"}:
            assert whole == pytest.approx(16e9 / ranks)


def test_activations_are_the_papers_formula() -> None:
    """GPT-3: 96 layers of 12288 with 96 heads, at s = 2048; logits and last norm come on top."""
    shape, s, b = Shape(175e9, 96, 12288, 96), 2048, 3
    last = 2 * 2 * s * b * 12288
    layer = s * b * 12288 * (34 + 5 * 96 * s / 12288)
    assert activation_bytes(shape, b, s, "none", "bf16_mixed") == pytest.approx(96 * layer + last)
    selective = activation_bytes(shape, b, s, "selective", "bf16_mixed")
    assert selective == pytest.approx(96 * 34 * s * b * 12288 + last)
    full = activation_bytes(shape, b, s, "full", "bf16_mixed")
    assert full == pytest.approx(96 * 2 * s * b * 12288 + layer + last)
    assert activation_bytes(shape, b, s, "none", "float32") == pytest.approx(
        96 * s * b * 12288 * (66 + 9 * 96 * s / 12288) + 2 * last
    )


@pytest.mark.parametrize("checkpointing", ["none", "selective", "full"])
@pytest.mark.parametrize("strategy", PLANNED, ids=lambda s: s.name)
def test_what_is_said_to_fit_fits_and_no_more(strategy: object, checkpointing: str) -> None:
    plan, memory = Plan(gpt_of(1.3e9), 16, checkpointing=checkpointing), 80e9
    most = largest_model(plan, strategy, memory)  # type: ignore[arg-type]
    for factor, fits in ((0.99, True), (1.01, False)):
        one = replace(plan, shape=plan.shape.of_size(most * factor))
        assert (held(one, strategy).total <= memory) is fits  # type: ignore[arg-type]
    batch = largest_batch(plan, strategy, memory)  # type: ignore[arg-type]
    assert held(replace(plan, batch=batch), strategy).total <= memory  # type: ignore[arg-type]
    assert held(replace(plan, batch=batch + 1), strategy).total > memory  # type: ignore[arg-type]
    assert largest_batch(plan, strategy, 1e3) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("ranks", [1, 4, 64])
def test_traffic_is_two_or_three_times_the_parameters(ranks: int) -> None:
    plan, share = Plan(gpt_of(1e9), ranks), (ranks - 1) / ranks
    sent = {s.name: bytes_sent(plan, s) / 2e9 for s in PLANNED}
    assert sent["single"] == 0
    for name in ("ddp", "zero1", "zero2", "fsdp2_no_reshard"):
        assert sent[name] == pytest.approx(2 * share)
    for name in ("zero3", "fsdp2"):
        assert sent[name] == pytest.approx(3 * share)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llama-3.1-8b", 8.03),
        ("qwen-2.5-7b", 7.62),
        ("mistral-7b-v0.1", 7.24),
        ("gemma-2-9b", 9.24),
        ("pythia-6.9b", 6.86),
    ],
)
def test_parameters_of_published_models_are_counted(name: str, billions: float) -> None:
    shape = shape_like(name, None)
    assert shape.num_parameters / 1e9 == pytest.approx(billions, rel=0.01)
    assert shape_like(name, 12e9).num_parameters == 12e9


def test_units_are_never_mixed() -> None:
    assert (size_of("80GB", "--x"), size_of("80 GiB", "--x")) == (80e9, 80 * 2**30)
    for text in ("80", "-80GB", "GB", "nanGB", "1.2.3GB", "80gb", "0GB", "1e400GB", "inf GB"):
        with pytest.raises(UserError, match="expected a size with its unit"):
            size_of(text, "--x")
    for text in ("0", "-1", "abc", "nan", "inf", "1e30", "1e400", ""):
        with pytest.raises(UserError, match="expected a number from 1"):
            units.parameters(text)
    with pytest.raises(UserError, match="did you mean"):
        units.strategies("zero4")


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", "plan", *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_plan_fits_80_columns_and_is_written(tmp_path: Path) -> None:
    done = bench(
        "--params", "7.5e9", "--ranks", "64", "--gpu-memory", "80GB", "--output", str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("written to")[0].splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout
    assert "…" not in done.stdout
    with (tmp_path / "plan.csv").open() as file:
        rows = {row["strategy"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(BY_NAME)
    assert float(rows["zero1"]["predicted_model_states_bytes"]) / 1e9 == pytest.approx(
        31.4, abs=0.05
    )
    assert "Predicted, up to 4096 ranks" in (tmp_path / "plan.html").read_text()


def test_nonsense_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"hello": 1}))
    for words in (
        [],
        ["--params", "7e9", "--ranks", "0"],
        ["--params", "1e30"],
        ["--params", "7e9", "--gpu-memory", "80"],
        ["--params", "7e9", "--checkpointing", "some"],
        ["--params", "7e9", "--from", str(tmp_path)],
        ["--like", str(config)],
        ["--like", "sd3-medium"],
    ):
        done = bench(*words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
