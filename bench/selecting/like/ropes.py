"""Bases of rotary positions: one for all layers, or one for each kind of them."""

from __future__ import annotations

from bench.selecting.like.fields import Fields
from bench.selecting.like.windows import FULL, SLIDING

GLOBAL = ("rope_theta", "rotary_emb_base")
LOCAL = "rope_local_base_freq"  # Gemma 3: of the layers with a window
TOGETHER = "rope_parameters"  # as transformers writes them since its version 5
THETA, PLAIN = "rope_theta", {"rope_type": "default"}

Ropes = tuple[list[float], str, list[str]]  # bases, where they were read, and what scales them


def ropes_of(config: Fields) -> Ropes:
    """Return the bases of the layers, those that see everything first; none where none is told."""
    fields = [name for name in (config.first(GLOBAL), config.first((LOCAL,))) if name]
    bases = {config.number(name): name for name in fields}
    told, scaling = _of_section(config.section(TOGETHER))
    if told:
        return told, TOGETHER, scaling
    return list(bases), ", ".join(bases.values()), scaling


def _of_section(together: Fields | None) -> tuple[list[float], list[str]]:
    if together is None:
        return [], []
    kinds = [kind for kind in (FULL, SLIDING) if isinstance(together.get(kind), dict)]
    parts = [part for kind in kinds if (part := together.section(kind)) is not None] or [together]
    bases = [part.number(THETA) for part in parts if part.get(THETA) is not None]
    scaling = [f"{TOGETHER}.{name}" for part in parts for name in _scaling(part)]
    return list(dict.fromkeys(bases)), list(dict.fromkeys(scaling))


def _scaling(part: Fields) -> list[str]:
    """Name what changes angles beside the base."""
    plain = [name for name, value in PLAIN.items() if part.get(name) == value]
    return [name for name in part.names() if name not in (*plain, THETA, FULL, SLIDING)]
