"""Which attention to take, by mask, dtype and pass, and from which length on. Torch-free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import groupby

from bench import Case
from bench.answers import (
    Answer,
    Ranking,
    Record,
    listed,
    name_of,
    rankings,
    span,
    tied,
    what_settles_tie,
)
from suites.attention.growth import SIZES, decodes, length

QUESTION = "Which attention to take, and from which length on?"
PLAIN = (
    "math",
    "quadratic",
    "sink_column",
)  # the equations as they stand, whose memory others are held to
SAVES = 2 / 3  # of their memory: more of it is not worth a clause
MOST = 3

Family = list[Ranking]  # by length


def answers(records: Sequence[Record]) -> list[Answer]:
    """Say what to take in the kinds of question that most lengths are told of."""
    found = sorted(_families(records), key=_num_told, reverse=True)
    told = [family for family in found if _num_told(family)]
    return [_answer(family) for family in (told or found[:1])[:MOST]]


def _families(records: Sequence[Record]) -> list[Family]:
    """Group the rankings by all but the length, and what goes with it (the batch, the clock)."""
    return [
        sorted(family, key=_length)
        for group in _grouped(rankings(list(records)), _kind)
        for family in ([group] if _one_a_length(group) else _grouped(group, _else))
    ]


def _grouped(found: list[Ranking], key: Callable[[Ranking], Hashable]) -> list[Family]:
    groups: dict[Hashable, Family] = {}
    for ranking in found:
        groups.setdefault(key(ranking), []).append(ranking)
    return list(groups.values())


def _kind(ranking: Ranking) -> Hashable:
    case = ranking.fastest.case
    values = tuple((n, v) for n, v in sorted(case.values.items()) if n not in SIZES)
    setting = (case.dtype, case.pass_, case.device, case.threads, case.cache, case.allocator)
    return (case.problem, decodes(case), values, *setting)


def _else(ranking: Ranking) -> Hashable:
    return (ranking.fastest.case.values.get("batch"), ranking.clock)


def _length(ranking: Ranking) -> int:
    return length(ranking.fastest.case)


def _one_a_length(family: Family) -> bool:
    return max(Counter(map(_length, family)).values()) == 1


def _num_told(family: Family) -> int:
    return sum(not ranking.tied for ranking in family)


def _answer(family: Family) -> Answer:
    """Say it in one sentence: a clause for every stretch of lengths with one answer."""
    stretches = [list(own) for _, own in groupby(family, _winner)]
    clauses = [_clause(own, family) for own in stretches]
    what = _what(family[0].fastest.case)
    return Answer(f"{what}, {'; '.join(clauses)}.", [r.fastest for r in family])


def _winner(ranking: Ranking) -> str:
    """Name what is fastest beyond doubt; empty where several tie."""
    return "" if ranking.tied else _name(ranking, ranking.fastest)


def _clause(stretch: Family, family: Family) -> str:
    where = _where(stretch, family)
    if stretch[0].tied:
        return f"{where} {_ties(stretch)}"
    nearest = [ranking.rivals[0] for ranking in stretch]
    names = {_name(r, r.rivals[0].record) for r in stretch}
    bounds = [(rival.ratio.low or 0.0, rival.ratio.high or 0.0) for rival in nearest]
    ahead = span(min(low for low, _ in bounds), max(high for _, high in bounds))
    than = names.pop() if len(names) == 1 else "the next"
    return f"{where} take {_winner(stretch[0])}, {ahead} as fast as {than}{_memory(stretch)}"


def _where(stretch: Family, family: Family) -> str:
    """Say at which lengths; of those beyond the longest that was asked, nothing is said."""
    first, last = _length(stretch[0]), _length(stretch[-1])
    if first == last:
        return f"at {first} tokens"
    to_the_end = last == _length(family[-1])
    return f"from {first} tokens on (to {last})" if to_the_end else f"at {first} to {last} tokens"


def _ties(stretch: Family) -> str:
    """Name what ties at all of the lengths, else at the last, and what would settle that."""
    last = stretch[-1]
    names = [_name(last, last.fastest), *(_name(last, rival.record) for rival in last.tied)]
    everywhere = len(stretch) == 1 or all(_tying(r) == _tying(last) for r in stretch)
    told = tied(names) if everywhere else f"the fastest tie (at {_length(last)} {listed(names)})"
    return f"{told} ({what_settles_tie(last)})"


def _tying(ranking: Ranking) -> set[str]:
    return {_name(ranking, r) for r in (ranking.fastest, *(t.record for t in ranking.tied))}


def _memory(stretch: Family) -> str:
    """Say what share of the equation's memory the winner takes, if that is far from all."""
    shares = [share for ranking in stretch for share in _share_of_plain(ranking)]
    if not shares or max(share for share, _ in shares) > SAVES:
        return ""
    low, high = min(shares)[0], max(shares)[0]
    ends = "–".join(dict.fromkeys([f"{low:.2g}", f"{high:.2g}"]))
    return f", in {ends} of {shares[0][1]}'s memory"


def _share_of_plain(ranking: Ranking) -> list[tuple[float, str]]:
    """Return peak bytes as a share of the equation's: counted once, so without an interval."""
    peak = ranking.fastest.values.get("peak")
    plain = (rival.record for rival in ranking.rivals if rival.record.case.variant in PLAIN)
    return [
        (peak / base, record.case.variant)
        for record in plain
        if peak is not None and (base := record.values.get("peak"))
    ]


def _name(ranking: Ranking, record: Record) -> str:
    field = [ranking.fastest.case, *(rival.record.case for rival in ranking.rivals)]
    return name_of(record.case, field)


def _what(case: Case) -> str:
    """Say what is asked; usual settings go without saying."""
    values = case.values
    named = {"LinearAttention": "linear attention", "SoftmaxAttention": "attention"}
    operator = named.get(case.problem, case.problem)
    operator += " of one token on a cache" if decodes(case) else ""
    mask = "causal " if values.get("causal") else "not causal " if "causal" in values else ""
    told = f"{mask}{case.dtype} {operator}"
    words = [told[0].upper() + told[1:]]
    words += [f"in a window of {values['window']}"] if values.get("window") else []
    if (heads := values.get("num_kv_heads")) not in (None, values.get("num_heads")):
        words.append(f"of {values.get('num_heads')} heads over {heads}")
    words += ["with its backward pass"] if case.pass_ == "fwd_bwd" else []
    words += ["by the system's malloc"] if case.allocator == "system" else []
    words += ["from a cold cache"] if case.cache == "cold" else []
    words += [f"on {case.threads} threads"] if case.threads > 1 else []
    return " ".join(words)
