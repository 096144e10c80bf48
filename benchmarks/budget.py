"""Proof of the error budget: `python -m benchmarks.budget`. Whom it accuses, and what it finds.

Accused: kernels of torch, and honest code of our own, over a stream of shapes, dtypes, passes and
seeds; the goal is none. Found: planted faults, at every length and head_dim from 16; the goal is
all. Training steps and samplers are held to their checks likewise. Nothing is timed here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import track

from bench.cases.variant import Unsupported, Variant
from bench.selecting.discover import load_module, variants_of
from benchmarks.held_steps import sampling, training
from benchmarks.planted import FAULTS
from benchmarks.results import FOLDER, Output, Quick, Row, Target, machine_facts, tell, write
from benchmarks.shapes import Shape, any_shapes, large_shapes
from suites.attention.problem import LinearAttention, SoftmaxAttention

KERNELS = ("math", "sdpa", "tiled", "sliding_window", "linear")
LEFT_OUT = ("sdpa_efficient", "sdpa_cudnn")  # not for CPUs
OF_TORCH = ("sdpa_math", "sdpa_flash")

UNCHECKED = "(no budget: a plain computation errs too much)"

AnyShape = Shape[SoftmaxAttention] | Shape[LinearAttention]
Step = Callable[[Any], torch.Tensor]


def main(
    output: Output = FOLDER,
    quick: Quick = False,
    honest: Annotated[int, typer.Option(help="Shapes on which honest kernels are checked.")] = 2400,
    planted: Annotated[int, typer.Option(help="Shapes on which faults are planted.")] = 400,
    seeds: Annotated[int, typer.Option(help="Seeds of training steps and samplers.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of both streams of shapes.")] = 20261125,
) -> None:
    """Count both rates over a seeded stream of shapes."""
    torch.set_num_threads(1)
    console = Console(stderr=True)
    honest, planted, seeds = (30, 20, 1) if quick else (honest, planted, seeds)
    rows = [
        *accusations(honest, seed, console),
        *detections(planted, seed + 1, console),
        *steps(seeds, console),
    ]
    path = write("budget", rows, {"seed": seed, **machine_facts()}, output)
    tell(targets(rows), [path], console)


def accusations(count: int, seed: int, console: Console) -> list[Row]:
    """Check honest kernels; a row for each, by dtype, pass and kind of shape."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    variants = [v for name in KERNELS for v in variants_of(load_module(f"suites.attention.{name}"))]
    for shape in track(any_shapes(count, seed), "honest kernels", count, console=console):
        steps = {v.name: _built(v, shape) for v in variants if v.name not in LEFT_OUT}
        for name, share in judged(shape, steps):
            found["honest", name, *_asked(shape), shape.kind].append(share)
    return [_row(key, shares) for key, shares in found.items()]


def detections(count: int, seed: int, console: Console) -> list[Row]:
    """Check planted faults; a row for each, by dtype, pass and size."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for shape in track(large_shapes(count, seed), "planted faults", count, console=console):
        setting = shape.setting
        steps = {n: f(shape.problem, setting.dtype, setting.backward) for n, f in FAULTS.items()}
        size = min(shape.problem.seqlen_q, shape.problem.keys, shape.problem.head_dim)
        for name, share in judged(shape, steps):
            found["planted", name, *_asked(shape), f"from {16 if size < 64 else 64}"].append(share)
    return [_row(key, shares) for key, shares in found.items()]


def steps(seeds: int, console: Console) -> list[Row]:
    """Check training steps and samplers, honest and wrong; a row for each, by workload."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    with console.status("training steps and samplers"):
        for side, name, kind, share in chain(training(range(seeds)), sampling(range(seeds))):
            found[side, name, "", "", kind].append(share)
    return [_row(key, shares) for key, shares in found.items()]


def judged(shape: AnyShape, steps: dict[str, Step | None]) -> Iterator[tuple[str, float]]:
    """Yield the worst share of its budget that each step takes; inf where one is not finite."""
    operands = shape.inputs()
    try:
        budgets = shape.problem.budgets(operands, shape.setting)
    except Unsupported:
        yield UNCHECKED, 0.0
        return
    for name, step in steps.items():
        if step is None:
            continue
        given = shape.problem.fresh(operands)
        got = shape.problem.outputs(shape.problem.call(step, shape.setting)(given), given)
        names = shape.problem.output_names(operands, shape.setting)
        errors = [
            budget.judge(name_of, output)
            for budget, name_of, output in zip(budgets, names, got, strict=True)
        ]
        yield name, max(error.share for error in errors)


def _built(variant: Variant, shape: AnyShape) -> Step | None:
    if not isinstance(shape.problem, variant.problem_type):
        return None
    try:
        built = variant.build(shape.problem, shape.setting, {})
    except Unsupported:
        return None
    step: Step = getattr(built, "step", built)
    return step


def _asked(shape: AnyShape) -> tuple[str, str]:
    return str(shape.setting.dtype).removeprefix("torch."), shape.setting.pass_


def _row(key: tuple[str, ...], shares: list[float]) -> Row:
    names = ("side", "implementation", "dtype", "pass", "shapes")
    return {
        **dict(zip(names, key, strict=True)),
        "checks": len(shares),
        "incorrect": sum(not share <= 1 for share in shares),
        "least_share": min(shares),
        "most_share": max(shares),
    }


def targets(rows: list[Row]) -> list[Target]:
    """Hold both rates to their goals."""
    honest = [row for row in rows if row["side"] == "honest"]
    own = [row for row in honest if row["implementation"] not in OF_TORCH]
    of_torch = [row for row in honest if row["implementation"] in OF_TORCH]
    wrong = [row for row in rows if row["side"] == "planted"]
    faults = dict.fromkeys(row["implementation"] for row in wrong)
    return [
        _accused("torch's kernels accused", of_torch),
        _accused("our own code accused", own),
        *(_found(name, [row for row in wrong if row["implementation"] == name]) for name in faults),
    ]


def _accused(what: str, rows: list[Row]) -> Target:
    accused, checks = sum(row["incorrect"] for row in rows), sum(row["checks"] for row in rows)
    worst = max((row["most_share"] for row in rows), default=0.0)
    return Target(what, f"{accused} of {checks} checks, at most {worst:.2f} of budget", not accused)


def _found(name: str, rows: list[Row]) -> Target:
    found, checks = sum(row["incorrect"] for row in rows), sum(row["checks"] for row in rows)
    return Target(f"{name} found", f"{found} of {checks} checks", found == checks if rows else None)


if __name__ == "__main__":
    typer.run(main)
