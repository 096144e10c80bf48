"""What a role hands back from its process."""

from dataclasses import dataclass, field

from bench.cases.case import Measurement, Window
from bench.checking.structure.structure import Structure


@dataclass(frozen=True)
class Result:
    """Measurements, labels that explain them, and what later roles are to be held to.

    A flag bars the case from rankings; `detail` says why. `structure` is what a call did.
    """

    measurements: list[Measurement] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    fingerprints: list[list[list[float]]] = field(default_factory=list)
    tolerances: list[tuple[float, float]] = field(default_factory=list)
    rewritten: list[int] = field(default_factory=list)
    measuring_s: float = 0.0
    call_s: float = 0.0
    flags: list[str] = field(default_factory=list)
    detail: str = ""
    window: Window | None = None
    structure: Structure | None = None
