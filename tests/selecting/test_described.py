"""`bench list --long`: what a variant says of itself, found in its own words."""

from __future__ import annotations

from io import StringIO

import pytest

from bench.cases.case import Case
from bench.commands.long_list import show
from bench.selecting.described import Described, papers
from bench.system.terminal import Screen
from tests.conftest import Bench

CITED = {
    "by Dao 2022 (arXiv:2205.14135), alg. 1": ["Dao 2022 (arXiv:2205.14135)"],
    "(Lu et al. 2022, arXiv:2211.01095)": ["Lu et al. 2022, arXiv:2211.01095"],
    "Li et al. 2020, PyTorch Distributed (arXiv:2006.15704).": [
        "Li et al. 2020, PyTorch Distributed (arXiv:2006.15704)"
    ],
    "Milakov and\nGimelshein 2018 (arXiv:1805.02867); Dao 2022, alg. 1": [
        "Milakov and Gimelshein 2018 (arXiv:1805.02867)"
    ],
    "Rajbhandari et al., arXiv:1910.02054, section 3": ["Rajbhandari et al., arXiv:1910.02054"],
    "Liu, Gong and Liu 2023 (arXiv:2209.03003)": ["Liu, Gong and Liu 2023 (arXiv:2209.03003)"],
    "Peyré and Cuturi 2019": ["Peyré and Cuturi 2019"],
    "see arXiv:1904.10509 and arXiv:1904.10509": ["arXiv:1904.10509"],
    "since Python 2026 on H200, in 1024 steps": [],
}


@pytest.mark.parametrize("text", CITED)
def test_citations_are_found(text: str) -> None:
    assert papers(text) == CITED[text]


def told(width: int, *described: Described, cases: tuple[Case, ...] = ()) -> str:
    written = StringIO()
    show(Screen(width=width, file=written), described, cases)
    return written.getvalue()


OWN = Described(
    "mine",
    "fast",
    "Product",
    says="Multiply by blocks, which is a sentence that needs more than one line of a terminal.",
    asks="Multiply two matrices.",
    papers=[],
    posed_by=["Strassen and Nobody 1969"],
    costs={"flops": "a product and a sum for every element."},
    needs=["a GPU", "cutlass (not installed)"],
    marks=["tall"],
    options={"block": 64},
)


def case(n: int, flops: int) -> Case:
    return Case("mine", "fast", "mine.py", "Product", {"n": n}, flops=flops)


def test_what_is_not_said_is_not_made_up() -> None:
    text = told(60, OWN, cases=(case(64, 2 * 64**3), case(4096, 2 * 4096**3)))
    assert text.splitlines()[0] == "mine"  # a suite that asks no question has none
    words = " ".join(text.split())
    assert "FLOPs a product and a sum for every element (524 kFLOP to 137 GFLOP here)" in words
    assert "bytes not declared" in words
    assert "paper Strassen and Nobody 1969, of the problem" in words
    assert "needs a GPU, cutlass (not installed)" in words
    assert "options block=64 marks tall asked 2 cases" in words
    assert "asked not by this preset" in " ".join(told(60, OWN).split())


@pytest.mark.parametrize("width", [80, 40, 10])
def test_lines_fit_the_terminal_and_end_in_no_blanks(width: int) -> None:
    lines = told(width, OWN).splitlines()
    assert max(map(len, lines)) <= max(width, 20 + 6 + 8)
    assert not any(line.endswith(" ") for line in lines)


def test_every_variant_of_a_suite_is_told(bench_here: Bench) -> None:
    done = bench_here("list", "attention", "--long", "--device", "cpu", "--preset", "smoke")
    assert done.returncode == 0, done.stderr
    text, words = done.stdout, " ".join(done.stdout.split())
    assert text.startswith("attention: Which attention to take, and from which length on?\n")
    assert "\x1b" not in text  # colour is for terminals
    assert max(map(len, text.splitlines())) <= 100
    assert "flex torch.nn.attention.flex_attention with a BlockMask; Dong et al. 2024" in words
    assert "needs a compiler in every process" in words
    assert "FLOPs the two products over visible pairs; a backward pass needs four more (" in words
    assert "natten Fused neighbourhood attention" in words  # although no sweep asks it here


def test_a_keyword_keeps_what_has_a_case(bench_here: Bench) -> None:
    done = bench_here("list", "attention", "--long", "--device", "cpu", "-k", "tiled")
    assert done.returncode == 0, done.stderr
    assert "    tiled\n" in done.stdout
    assert "    math\n" not in done.stdout
    assert "LinearAttention" not in done.stdout
