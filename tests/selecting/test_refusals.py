"""What is set and not everybody can do is left out and told; what nobody takes is an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from bench.errors import UserError
from bench.selecting.refusals import Refusals
from suites.faults.problem import Double
from tests.conftest import Bench


@dataclass(frozen=True)
class Even(Double):
    n: int = 8
    m: int = 8
    aliases: ClassVar[dict[str, tuple[str, ...]]] = {"size": ("n", "m")}


def test_what_another_takes_is_left_out_and_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    refusals = Refusals()
    for _ in range(2):
        refusals.refuse(Even, {"n": 3}, UserError("Even: expected an even n, got 3"))
    refusals.take(Even, {"n": 3}, {"n": 3, "m": 8})
    refusals.tell()
    assert capsys.readouterr().err == "left out: Even: expected an even n, got 3\n"


def test_what_nobody_takes_is_an_error() -> None:
    refusals = Refusals()
    refusals.refuse(Even, {"size": 3}, UserError("odd"))
    refusals.take(Even, {"size": 4}, {"n": 4, "m": 4})
    refusals.take(Even, {"size": 3}, {"n": 1, "m": 8})  # its sweep says otherwise
    refusals.take(Double, {"size": 3}, {})  # has nothing of that name
    with pytest.raises(UserError, match="odd"):
        refusals.tell()


def test_a_preset_that_refuses_itself_is_an_error_at_once() -> None:
    with pytest.raises(UserError, match="odd"):
        Refusals().refuse(Even, {"other": 1}, UserError("odd"))


@pytest.mark.parametrize(
    ("words", "left_out", "asked"),
    [
        (("--set", "causal=false"), "LocalStridedAttention: expected causal", "SoftmaxAttention"),
        (("--set", "seqlen=50"), "SinkAttention: expected", "AlibiAttention"),
        (("--like", "sd3-medium"), "SinkAttention: expected", "QKNormAttention"),
    ],
)
def test_a_suite_of_many_problems_is_asked_what_it_can(
    bench_here: Bench, words: tuple[str, ...], left_out: str, asked: str
) -> None:
    done = bench_here("list", "attention/math", "--preset", "smoke", "--device", "cpu", *words)
    assert done.returncode == 0, done.stderr
    assert f"left out: {left_out}" in done.stderr
    assert f"/{asked}(" in done.stdout
    assert f"/{left_out.partition(':')[0]}(" not in done.stdout


def test_a_value_among_others_that_nobody_takes_is_an_error(bench_here: Bench) -> None:
    done = bench_here("list", "attention", "--device", "cpu", "--set", "seqlen=256,0")
    assert done.returncode == 2
    assert done.stderr == "error: SoftmaxAttention: expected seqlen_q of at least 1, got 0\n"
