"""Tell how often a compiler left its graph for Python: a fact about a variant, no failure."""

from __future__ import annotations

import sys
from collections import Counter

_MOST_CHARACTERS = 120


def count_breaks() -> Counter[str]:
    """Return how often each reason broke a graph of torch.compile in this process so far."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    return Counter(dynamo.counters["graph_break"]) if dynamo else Counter()


def told(before: Counter[str]) -> dict[str, str]:
    """Label the breaks since: their number, and the first line of the most frequent reason."""
    new = count_breaks() - before
    if not new:
        return {}
    ((reason, _),) = new.most_common(1)
    return {"graph_breaks": f"{new.total()} ({reason.splitlines()[0][:_MOST_CHARACTERS]})"}
