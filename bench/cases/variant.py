"""Variant: one way to solve a problem, marked by a decorator and found by looking, not listing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, overload

from bench.cases.case import Plain
from bench.cases.setting import Setting

# What `torch.compile` imports when it first compiles, for seconds.
COMPILER = ("torch._dynamo", "torch._inductor.compile_fx")
SWITCHES = ("precision", "attention", "kernels", "denormals")  # kinds; see `bench.state`


class Unsupported(Exception):
    """Raised by a variant that cannot run in this setting; the message is the reason shown."""


@dataclass(frozen=True)
class Variant:
    """A function `(problem) -> step`, with what its signature says about it.

    The body is set-up and never timed. It may ask for `setting` by keyword; every other keyword
    parameter is an option with a default, and an axis that `--set` can sweep. The result is a
    callable `step(inputs) -> outputs`, or an object with such a `step` and optionally

    - `reset()`: restore weights, optimiser and random state, never timed
    - `phases(inputs)`: instead of `step`, a generator that does the same, yields the name of each
      phase (forward, backward, optimizer) as it ends, and returns the outputs
    - `tensors_by_kind()`: the live tensors of a training step as `{kind: [tensor, …]}`, kinds being
      parameters, gradients, optimizer_state
    - `verify(inputs)`: raise `Unsupported` unless what the variant promises really ran; it may
      return labels, by name. It is asked in every process that checks or times the variant

    `sets` are the kinds of torch's switches (of `SWITCHES`) that its set-up may change, since they
    are what it is made of; another change bars it from rankings. `homes` are the files of a user's
    variant and its problem, read while their modules were loaded. One that `compiles` its step
    takes seconds in every process, and so does one whose option `compiled` is True. `marks` are
    words by which presets choose: what it is for ("window"), what it needs ("gpu"), what it is
    costly at ("float16").
    `computes_in` are the dtypes of its products, where its problem leaves them to variants.
    `provision(problem, progress, **options)` makes on disk what the variant itself needs; see
    `Problem.provision`. `needs` are the packages outside the project that it imports in its body:
    where one is missing, it is asked once and `unsupported`.
    """

    function: Callable[..., Any]
    problem_type: type[Any]
    options: dict[str, Plain]
    wants_setting: bool
    module: str
    sets: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()
    compiles: bool = False
    marks: tuple[str, ...] = ()
    provision: Callable[..., None] | None = None
    needs: tuple[str, ...] = ()
    computes_in: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.function.__name__.rstrip("_")

    @property
    def preload(self) -> tuple[str, ...]:
        """Name what fork servers import before, so that no process and no first call does."""
        return self.preload_with(self.options)

    def compiles_with(self, options: Mapping[str, Plain]) -> bool:
        """Say whether every process compiles: the variant does, or its option `compiled` is on."""
        return self.compiles or options.get("compiled") is True

    def preload_with(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Name what fork servers import before, under these options."""
        own = COMPILER if self.compiles_with(options) else ()
        return tuple(dict.fromkeys([*self.problem_type.preload, *own]))

    @property
    def lacking(self) -> list[str]:
        """Name the packages it needs that are not installed here; imports none."""
        return [name for name in self.needs if find_spec(name) is None]

    def build(self, problem: Any, setting: Setting, options: dict[str, Plain]) -> Any:
        """Set the variant up for one problem and setting; untimed."""
        if lacking := self.lacking:
            are = "is" if len(lacking) == 1 else "are"
            raise Unsupported(f"needs {' and '.join(lacking)}, which {are} not installed here")
        keywords: dict[str, Any] = {**self.options, **options}
        if self.wants_setting:
            keywords["setting"] = setting
        return self.function(problem, **keywords)


def contestants(found: Variant) -> list[Variant]:
    """Return the variant once for every problem it solves.

    One whose problem is abstract (any training workload) solves all of its concrete subclasses.
    Where the problem is `contested_by` a package, those in other modules bring it along themselves.
    """
    posed = found.problem_type
    if not inspect.isabstract(posed):
        return [found]
    kinds = _concrete(posed)
    if posed.contested_by:
        kinds = [kind for kind in kinds if kind.__module__ == posed.__module__]
    return [replace(found, problem_type=kind) for kind in kinds]


def _concrete(kind: type[Any]) -> list[type[Any]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _concrete(child)]
    return below if inspect.isabstract(kind) else [kind, *below]


@overload
def variant(function: Callable[..., Any], /) -> Variant: ...


@overload
def variant(
    *,
    sets: Sequence[str] = (),
    compiles: bool = False,
    marks: Sequence[str] = (),
    provision: Callable[..., None] | None = None,
    needs: Sequence[str] = (),
    computes_in: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], Variant]: ...


def variant(
    function: Callable[..., Any] | None = None,
    /,
    *,
    sets: Sequence[str] = (),
    compiles: bool = False,
    marks: Sequence[str] = (),
    provision: Callable[..., None] | None = None,
    needs: Sequence[str] = (),
    computes_in: Sequence[str] = (),
) -> Variant | Callable[[Callable[..., Any]], Variant]:
    """Make a function a contestant: `def name(problem: SomeProblem, *, option=default)`.

    One that is made of torch's switches says which, `@variant(sets=["precision"])`; one whose every
    process compiles, `@variant(compiles=True)`; `marks` are the words by which presets know it;
    `provision(problem, progress, **options)` makes what must be on disk before anything is
    measured; `needs` names the packages that it imports; `computes_in` the dtypes of its products,
    where the problem leaves them to it. Raises TypeError where the signature does not say which
    problem it solves.
    """
    unknown = [kind for kind in sets if kind not in SWITCHES]
    if unknown:
        raise TypeError(f"variant: sets: expected {' or '.join(SWITCHES)}, got {unknown[0]!r}")
    if function is None:
        own: dict[str, Any] = {"sets": tuple(sets), "compiles": compiles, "marks": tuple(marks)}
        own |= {"needs": tuple(needs), "computes_in": tuple(computes_in)}
        return lambda function: _described(function, provision=provision, **own)
    return _described(function)


def _described(function: Callable[..., Any], **own: Any) -> Variant:
    first, *rest = inspect.signature(function).parameters.values()
    problem_type = first.annotation
    if isinstance(problem_type, str):  # under `from __future__ import annotations`
        problem_type = eval(problem_type, function.__globals__)
    if problem_type is inspect.Parameter.empty:
        raise TypeError(
            f"variant {function.__name__}: expected its first parameter annotated with the "
            f"problem it solves, as in `{first.name}: SoftmaxAttention`; got no annotation"
        )
    options = {p.name: p.default for p in rest if p.name != "setting"}
    missing = [name for name, default in options.items() if default is inspect.Parameter.empty]
    if missing:
        raise TypeError(
            f"variant {function.__name__}: expected a default for option {missing[0]!r}, got none"
        )
    wants_setting = any(p.name == "setting" for p in rest)
    return Variant(
        function,
        problem_type,
        options,
        wants_setting,
        function.__module__,
        **own,
    )
