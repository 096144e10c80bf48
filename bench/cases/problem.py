"""Problem: what is asked, at one size. Operators, training steps and sampling tasks are all one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bench.cases.case import DTYPES, Measurement, Plain
from bench.cases.setting import Setting

if TYPE_CHECKING:
    import torch

Call = Callable[[Any], "tuple[Any, ...]"]
COPIED = "copied, the step changes them"  # the label `inputs` of a case whose calls get copies


class Incorrect(Exception):
    """The check failed: the message says which output, its error and its budget."""

    def __init__(self, message: str, measurements: Sequence[Measurement] = ()):
        super().__init__(message)
        self.measurements = list(measurements)


@dataclass(frozen=True)
class Verdict:
    """A passed check: the errors it found, and how far a repeat of each output may stray.

    A tolerance is a pair: of the maximum over elements, and of the L2 norm relative to the output.
    `labels` tell what was not compared.
    """

    measurements: list[Measurement] = field(default_factory=list)
    tolerances: list[tuple[float, float]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)


class Problem(ABC):
    """Subclass as a frozen dataclass of plain values (int, float, str, bool, None).

    Validate in `__post_init__` with ValueError("expected …, got …"): the user reads that line.
    `aliases` lets one axis name set several fields, as `seqlen` sets `seqlen_q` and `seqlen_kv`.
    A field that is called as a shape of models (`num_heads`, `dim`) takes it from `--like`; `like`
    names the shape for a field of another name, and `""` for one that takes none. `kin` names, by
    what a model may have (`qk_norm`), the problem that is then asked beside this one, alike.
    `examples` are values of small problems on which the tests check every variant, at every number
    of `ranks`. `preload` are modules that take long to import: fork servers of their own import
    them once a round. They may start no thread, touch no device, and change nothing in torch.
    `clock` says what a time is, on a GPU: with `wall` what the caller waits for, with `device` what
    the device does, without the gaps between launches: that is for operators.
    `contested_by`, of an abstract problem, is a package: its variants of that problem contest
    whatever derives from it, in any module or user's file, which is where the cases are found then.
    """

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    drawn_by: ClassVar[str] = "make_inputs()"
    dtypes: ClassVar[tuple[str, ...]] = DTYPES
    ranks: ClassVar[tuple[int, ...]] = (1,)
    clock: ClassVar[Literal["wall", "device"]] = "wall"
    preload: ClassVar[tuple[str, ...]] = ()
    computes_in: ClassVar[tuple[str, ...]] = ()
    contested_by: ClassVar[str] = ""
    aliases: ClassVar[dict[str, tuple[str, ...]]] = {}
    like: ClassVar[dict[str, str]] = {}
    kin: ClassVar[dict[str, str]] = {}
    examples: ClassVar[tuple[dict[str, Plain], ...]] = ({},)

    @abstractmethod
    def make_inputs(self, seed: int, setting: Setting) -> Any:
        """Draw one set of inputs on the setting's device; equal seeds give equal inputs."""

    @abstractmethod
    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        """Return the call that is timed: one pass of `step` over a set of inputs to its outputs."""

    def outputs(self, returned: tuple[Any, ...], inputs: Any) -> tuple[torch.Tensor, ...]:
        """Read what a call returned as one flat sequence of detached tensors; untimed."""
        from bench.cases.tensors import (
            flat,  # the parent process loads this module, and never torch
        )

        return tuple(flat(returned))

    def vet(self, inputs: Any, setting: Setting) -> dict[str, str]:
        """Find out what kind of question this is, before any answer is judged; untimed.

        Raise `Unsupported` where it has no one right answer. `{"inputs": COPIED}` asks that every
        call gets a `fresh` copy of its inputs.
        """
        return {}

    def fresh(self, inputs: Any) -> Any:
        """Copy a set of inputs for a call that will change them."""
        return inputs

    @abstractmethod
    def check(self, call: Call, inputs: Any, setting: Setting) -> Verdict:
        """Compare one call with a float64 reference; raise `Incorrect` beyond the budget.

        Called once for every set of inputs that will be timed.
        """

    def flops(self, setting: Setting) -> int | None:
        """Count the floating-point operations the question needs; None where undeclared.

        Count no more than any right answer must do: who beats the device's own rate at them is
        flagged `impossible`, and so is one in whose call nothing computes.
        """
        return None

    def bytes_moved(self, setting: Setting) -> int | None:
        """Count the least bytes that cross device memory: inputs read, outputs written.

        Here too, one byte too many accuses whoever moves no more than it must.
        """
        return None

    def expect_files(self) -> None:
        """Read the user's files that the problem names; ValueError with one line where unfit.

        Called once before anything is measured. What could be meant in two ways is unfit.
        """
        return None

    def imports(self) -> tuple[str, ...]:
        """Name what takes long to import for this question alone; see `preload`."""
        return ()

    def provision(self, progress: Callable[[str, float], None]) -> None:
        """Make what the problem needs on disk (a trained network), if it is not there yet.

        Called before anything is measured, in a process of its own, without a time limit.
        `progress(what, share_done)` may be called at will.
        """
        return None

    def work(self, setting: Setting) -> dict[str, float]:
        """Count what one call does, by a plural unit: `{"tokens": 2048}` gives tokens_per_s."""
        return {}

    def account(self, built: Any, inputs: Any, setting: Setting) -> list[Measurement]:
        """Measure what else a step costs besides time and peak: bytes by kind, traffic; untimed.

        Called in the memory role after a step has been taken; `built` is what the variant returned.
        """
        return []

    def overheads(self, built: Any, inputs: Any, setting: Setting) -> list[Measurement]:
        """Time what a call adds to bare parts of it, both in turn: shares, no seconds; each round.

        Called in the time role after all samples; `built` is what the variant returned.
        """
        return []

    def named_calls(self, built: Any) -> dict[str, tuple[Any, str]]:
        """Name callables that a step is made of, by who holds each and as what; for profiles alone.

        `{"network": (built, "denoise")}` puts a range around every call of `built.denoise`.
        """
        return {}

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        """Measure what the result is worth (a loss trajectory, a distance); once per seed.

        `built` is what the variant returned. A measurement of one sample becomes a column with an
        interval over seeds; one of several is a trajectory (loss by step).
        """
        raise NotImplementedError(f"{type(self).__name__} declares no quality")

    def quality_calls(self, setting: Setting) -> int:
        """Count the calls that one seed's quality comes to, with what it is compared with.

        It gets ten times as long as they take; at 0, an attempt's timeout like any other role.
        """
        return 0
