"""What is claimed of decoding: one token that looks back on a cache. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.claims import Finding, Record, Verdict, at_most, claim, near, ratio, together
from suites.attention.crossing import question, times, written
from suites.attention.growth import decodes, grown, span, time_exponent, whole, works

TOLERANCE = 0.25  # of an exponent; see claims.py
FIXED_COSTS = 2.0  # the queries' and products' own share, where a cache shrinks to an eighth


@claim("Shazeer 2019, arXiv:1911.02150, section 2.3.1")
def decode_time_is_linear(records: Sequence[Record]) -> Finding:
    """A step of decoding reads the whole cache: its time grows as the context."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for variant in ("math", "sdpa_flash"):
        for name, family in grown(records, variant, decodes).items():
            if (found := time_exponent(family)) is not None:
                judged.append(near(found, 1, TOLERANCE))
                figures.append(f"{name}, {span(family)}: exponent {written(found)}")
    return Finding(together(judged), figures or ["no three contexts of math or sdpa_flash"])


@claim("Shazeer 2019, arXiv:1911.02150, section 3; Ainslie et al. 2023, arXiv:2305.13245")
def fewer_kv_heads_decode_faster(records: Sequence[Record]) -> Finding:
    """Decoding is as much faster as the cache is smaller where heads share keys and values."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for shared, whole_one in _shared(records):
        found = ratio(shared.rounds_of(), whole_one.rounds_of())
        moved = shared.case.bytes_moved, whole_one.case.bytes_moved
        if found is None or not moved[0] or not moved[1]:
            continue
        share = moved[0] / moved[1]
        judged.append(at_most(found, FIXED_COSTS * share))
        figures.append(f"{question(shared)}: {times(found)} the time for {share:.3f} of the bytes")
    return Finding(together(judged), figures or ["no cache of fewer heads was read beside a whole"])


def _shared(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Yield steps of decoding with fewer key-value heads, and the same with one a head."""
    ranked = {r.case.id: r for r in records if works(r) and decodes(r.case)}
    for record in ranked.values():
        heads = whole(record.case, "num_heads")
        if record.case.values.get("num_kv_heads") != heads:
            values = {**record.case.values, "num_kv_heads": heads}
            other = ranked.get(replace(record.case, values=values).id)
            if other is not None:
                yield record, other
