"""Words of reports: numbers with their units, shapes, names of variants."""

from __future__ import annotations

from bench.cases.case import Case
from bench.judging.words import name_of, seconds, size
from reports.words import rate, same_kind, shape


def test_words() -> None:
    assert seconds(1.5) == "1.5 s"
    assert seconds(0.00123) == "1.23 ms"
    assert seconds(4.5e-5) == "45 µs"
    assert seconds(3e-9) == "3 ns"
    assert size(3 * 2**30) == "3 GiB"
    assert size(12) == "12 B"
    assert rate(2.5e12) == "2.5 TFLOP/s"


def test_names_of_a_kind() -> None:
    assert same_kind("seqlen_q", "seqlen_kv")
    assert same_kind("num_heads", "num_kv_heads")
    assert not same_kind("num_layers", "num_heads")
    assert not same_kind("batch", "width")
    case = Case("s", "v", "m", "P", {"num_layers": 4, "num_heads": 4, "num_kv_heads": 4})
    assert shape(case) == "num_layers=4 num_heads=4"


def test_a_variant_is_named_with_options_only_among_its_own() -> None:
    one, other = (Case("s", "v", "m", "P", {}, options={"block": n}) for n in (64, 128))
    assert name_of(one, [one]) == "v"
    assert name_of(one, [one, other]) == "v[block=64]"
