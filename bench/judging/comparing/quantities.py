"""What is compared beside the outcome: every quantity, how it is judged, and what it can fail.

Bytes, elements and evaluations were equal to the last digit in repeated smoke runs of all suites
on one machine; so were errors against float64, and losses. Quality came back within 1e-9.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from bench.errors import unknown

By = Literal["rounds", "exact", "error", "seeds", "sample", "nothing"]

DEFAULT_GATE = ("time", "memory", "counts", "errors", "quality")
STRUCTURE = "structure"  # told always; whoever means to change nothing asks that it fails
GATES = (*DEFAULT_GATE, STRUCTURE, "compile", "energy")


@dataclass(frozen=True)
class Quantity:
    """How quantities of some name are compared; the first pattern that fits counts.

    `rounds`: by the verdict rule. `exact`: a relative change beyond `tolerance` counts. `error`:
    a factor beyond 1 + `tolerance` counts. `seeds`: paired by seed. `sample`: one sample, which
    gives a ratio and no verdict. Less is better unless said. `group` is what `--gate` names;
    a group that is no gate only informs.
    """

    pattern: str
    by: By
    group: str = ""
    tolerance: float = 0.0
    more_is_better: bool = False
    unit: str = ""

    def fits(self, name: str, unit: str) -> bool:
        return fnmatchcase(name, self.pattern) and self.unit in ("", unit)


# A thousandth of the bytes: what alignment and headers may move, and nobody would pay for.
FEW_BYTES = 1e-3
# Quality that moved less than this of the base's mean is `same`, however surely it moved.
LITTLE_QUALITY = 0.01

QUANTITIES = (
    Quantity("time", "rounds", "time"),
    Quantity("thread_time", "rounds", "time"),
    Quantity("device_time", "rounds", "time"),
    Quantity("first_call", "rounds", "compile"),
    Quantity("first_call_uncached", "sample", "compile"),
    Quantity("energy", "rounds", "energy"),
    # predictions, and shares of a budget: what they are made of is compared itself
    Quantity("*_engine", "nothing"),
    Quantity("*_paper", "nothing"),
    Quantity("*_engine_elements", "nothing"),
    Quantity("*_paper_elements", "nothing"),
    Quantity("*_error_over_budget", "nothing"),
    # how far a process grew depends on what the allocator kept: told, never judged
    Quantity("resident_growth", "sample", "growth"),
    Quantity("heap_growth", "sample", "growth"),
    Quantity("peak_reserved", "sample", "growth"),
    Quantity("cublas_workspace", "sample", "growth"),
    Quantity("wire", "exact", "counts", FEW_BYTES),
    Quantity("*_elements", "exact", "counts"),
    Quantity("nfe", "exact", "counts"),
    Quantity("flops", "exact", "counts"),
    Quantity("*", "exact", "memory", FEW_BYTES, unit="bytes"),
    # A kernel that adds in another order moves its errors: an L2 norm over many elements by a few
    # percent, the worst single element by tens, and a loss, one number, by its luck in rounding.
    Quantity("loss_error_*", "error", "errors", 2.0),
    Quantity("*_error_max", "error", "errors", 0.5),
    Quantity("*_error_l2", "error", "errors", 0.1),
    Quantity("grad_lost_to_zero", "error", "errors", 0.1),
    Quantity("observed_order", "seeds", "quality", LITTLE_QUALITY, more_is_better=True),
    Quantity("diverged_at_step", "seeds", "quality", more_is_better=True),
    Quantity("fd_n", "nothing"),
    Quantity("*_floor", "nothing"),
    Quantity("fd_*", "seeds", "quality", LITTLE_QUALITY),
    Quantity("kid", "seeds", "quality", LITTLE_QUALITY),
    Quantity("precision", "seeds", "quality", LITTLE_QUALITY, more_is_better=True),
    Quantity("recall", "seeds", "quality", LITTLE_QUALITY, more_is_better=True),
    Quantity("fid*", "seeds", "quality", LITTLE_QUALITY),
    Quantity("error", "seeds", "quality", LITTLE_QUALITY),
    Quantity("loss_gap", "seeds", "quality", LITTLE_QUALITY),
    Quantity("final_loss", "seeds", "quality", LITTLE_QUALITY),
    Quantity("grad_lost_fraction", "seeds", "quality", LITTLE_QUALITY),
    Quantity("other_image_share", "seeds", "quality", LITTLE_QUALITY),
    Quantity("curvature", "seeds", "quality", LITTLE_QUALITY),
    Quantity("skipped_steps", "seeds", "quality"),
)

UNKNOWN = Quantity("*", "nothing")  # which way is better was never said


def judged_how(name: str, unit: str = "") -> Quantity:
    """Return how a quantity is compared; one that no line knows is not."""
    return next((q for q in QUANTITIES if q.fits(name, unit)), UNKNOWN)


def parse_gate(text: str) -> tuple[str, ...]:
    """Read `time,memory` as groups; `none` gates nothing but broken cases."""
    words = tuple(word.strip() for word in text.split(","))
    if words == ("none",):
        return ()
    for word in words:
        if word not in GATES:
            raise unknown("gate", word, GATES)
    return words
