"""Model: the shapes that a configuration tells of, in this project's words."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.cases.case import Plain


@dataclass(frozen=True)
class Model:
    """Values by noun (`num_heads`), several where layers differ; and where each was read.

    `unknown` are the fields that mean nothing here and might change a shape.
    """

    name: str
    shapes: dict[str, list[Plain]]
    read_from: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
