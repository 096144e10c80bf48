"""`-k` is understood as pytest understands it, or refused with the column."""

from __future__ import annotations

import random

import pytest

from bench.cases.keywords import DEEPEST, chooser
from bench.errors import UserError
from tests.conftest import Bench

FLASH = "attention/sdpa_flash/SoftmaxAttention(batch=1,seqlen_q=1024)/bfloat16/fwd/cpu,warm"
TILED = "attention/tiled[block=64]/SoftmaxAttention(batch=1,seqlen_q=64)/float32/fwd_bwd/cpu,warm"
MATH = "attention/math/SoftmaxAttention(batch=1,causal=True,data=~/é/x~1.npy)/float32/fwd/cpu,warm"


@pytest.mark.parametrize(
    ("keyword", "kept"),
    [
        ("not (flash or tiled)", [MATH]),
        ("not(flash or tiled)", [MATH]),
        ("(flash)or(math)", [FLASH, MATH]),
        ("not not flash", [FLASH]),
        ("not flash and not tiled", [MATH]),
        ("flash or tiled and float32", [FLASH, TILED]),
        ("(flash or tiled) and float32", [TILED]),
        ("attention/math and not float16", [MATH]),
        ("seqlen_q=1024", [FLASH]),
        ("tiled[block=64]", [TILED]),
        ("FLASH", [FLASH]),
        ("causal=true", [MATH]),
        ("data=~/É/x~1.npy", [MATH]),
        ("fwd", [FLASH, TILED, MATH]),
        ("/fwd/", [FLASH, MATH]),
        ("  ", [FLASH, TILED, MATH]),
        ("notebook", []),
        ("NOT", []),
    ],
)
def test_expressions(keyword: str, kept: list[str]) -> None:
    chooses = chooser(keyword)
    assert [name for name in (FLASH, TILED, MATH) if chooses(name)] == kept


@pytest.mark.parametrize(
    ("keyword", "column", "complaint"),
    [
        ("not (flash or tiled", 20, "expected 'and', 'or' or ')', got the end"),
        ("flash tiled", 7, "expected 'and', 'or' or nothing more, got 'tiled'"),
        ("flash AND tiled", 7, "got 'AND'"),
        ("flash)", 6, "got ')'"),
        ("SoftmaxAttention(batch=1)", 17, "got '('"),
        ("()", 2, "expected a word, 'not' or '(', got ')'"),
        ("not", 4, "got the end"),
        ("flash and", 10, "got the end"),
        ("or flash", 1, "got 'or'"),
        ("flash or or math", 10, "got 'or'"),
        ("flash | math", 7, "got '|'"),
        ("flash && math", 7, "got '&'"),
        ("!flash", 1, "got '!'"),
        ("sdpa_*", 6, "got '*'"),
        ("'flash'", 1, "expected a word"),
        ("seqlen_q = 1024", 10, "got '='"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_column(
    keyword: str, column: int, complaint: str
) -> None:
    with pytest.raises(UserError) as refused:
        chooser(keyword)
    assert f", column {column}: " in str(refused.value)
    assert complaint in str(refused.value)
    assert refused.value.exit_code == 2


def test_brackets_are_read_to_a_depth_and_negations_to_any() -> None:
    assert chooser("(" * DEEPEST + "flash" + ")" * DEEPEST)(FLASH)
    assert chooser("not " * 10_000 + "flash")(FLASH)
    with pytest.raises(UserError, match="brackets within brackets"):
        chooser("(" * 100_000 + "flash")


def test_any_expression_of_pytests_means_the_same_here() -> None:
    """Random expressions, against Python's own evaluation of them."""
    lot = random.Random(10)
    for _ in range(500):
        text = _drawn(lot, 4)
        truth = {word: word in FLASH for word in ("flash", "tiled", "fwd", "math")}
        assert chooser(text)(FLASH) == eval(text, {}, truth), text


def _drawn(lot: random.Random, depth: int) -> str:
    if depth == 0 or lot.random() < 0.2:
        return lot.choice(["flash", "tiled", "fwd", "math"])
    parts = [_drawn(lot, depth - 1) for _ in range(2)]
    form = lot.choice(["({}) and {}", "{} or ({})", "not {}", "not ({} or {})", "{} and {}"])
    return form.format(*parts)


def test_a_bad_expression_is_one_line_before_anything_is_listed(bench_here: Bench) -> None:
    for words in (["list"], ["run"], ["ab", ".", "."], ["selftest"]):
        done = bench_here(*words, "-k", "not (flex or tiled")
        assert done.returncode == 2, words
        assert done.stderr.startswith("error: -k 'not (flex or tiled', column 19: expected ")
        assert len(done.stderr.strip().splitlines()) == 1
