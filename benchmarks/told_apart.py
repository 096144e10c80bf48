"""Which policies a run's seeds tell apart from float32, over reruns with other seeds.

On ordinary workloads mixed precision and what is at least as precise train as float32 does: to call
one of them behind is false. On the telling workload others must be told apart. A rerun is judged as
the claims are: by the interval over its seeds, paired, of the final loss against 1 % of float32's.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, Variant
from bench.claims import estimate_mean, near
from bench.selecting.discover import load_module, module_names, variants_of
from benchmarks.results import FOLDER, Output, Quick, Row, Target, tell, write
from suites.precision.claimed import SAME_LOSS
from suites.precision.learning import learn
from suites.precision.problem import FineTuning, GPTTraining, UNetTraining
from suites.precision.training import Training

RERUNS = 20
EXACT = "fp32"
HONEST = ("fp64", "bf16_autocast", "bf16_masters", "fp16_scaled")  # may not be called behind
CPU = Setting(torch.float32, torch.device("cpu"), "train")


@dataclass(frozen=True)
class Asked:
    """A workload, smaller than presets ask it, and the seeds of a run."""

    problem: Training
    seeds: int
    ordinary: bool


ASKED = {
    "gpt": Asked(
        GPTTraining(batch=2, seqlen=32, num_layers=2, num_heads=4, dim=64, num_steps=40), 3, True
    ),
    "unet": Asked(UNetTraining(batch=16, channels=16, num_steps=15), 3, True),
    "telling": Asked(FineTuning(), 5, False),
}


def main(
    workload: Annotated[list[str] | None, typer.Option(help="One of them; all.")] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help="One of them; all that run here.")
    ] = None,
    reruns: Annotated[
        int, typer.Option(min=1, help="Reruns, each with seeds of its own.")
    ] = RERUNS,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Count the reruns in which a policy is told apart; rows of others stay in the CSV."""
    torch.set_num_threads(1)
    rows = list(play(workload or list(ASKED), policy, 1 if quick else reruns))
    kept = [row for row in _known(output / "told_apart.csv") if not _answered(row, rows)]
    told = [_target(row) for row in rows]
    tell(told, [write("told_apart", [*kept, *rows], {}, output)], Console(stderr=True))


def play(workloads: list[str], policies: list[str] | None, reruns: int) -> Iterator[Row]:
    """Yield a row a workload and policy."""
    for name in workloads:
        asked = ASKED[name]
        for variant in variants(type(asked.problem)):
            if policies is None or variant.name in policies:
                yield from _row(name, asked, variant, reruns)


def variants(problem: type[Training]) -> list[Variant]:
    """Return the policies beside float32 that need no compiler; this machine may lack some."""
    found = [v for name in module_names("suites.precision") for v in variants_of(load_module(name))]
    own = [v for v in found if v.problem_type is problem and not v.compiles and not v.lacking]
    return sorted((v for v in own if v.name != EXACT), key=lambda variant: variant.name)


def _row(name: str, asked: Asked, variant: Variant, reruns: int) -> Iterator[Row]:
    try:
        policy = variant.build(asked.problem, CPU, {})
        shares = [_share(asked, policy, seed) for seed in range(reruns * asked.seeds)]
    except Unsupported:
        return
    groups = [shares[i : i + asked.seeds] for i in range(0, len(shares), asked.seeds)]
    whole = [[s for s in group if s is not None] for group in groups]
    found = [estimate_mean(group) for group in whole if len(group) == asked.seeds]
    ends = [mean.estimate for mean in found]
    yield {
        "workload": name,
        "policy": variant.name,
        "ordinary": asked.ordinary,
        "reruns": reruns,
        "seeds": asked.seeds,
        "diverged": reruns - len(found),
        "told_apart": sum(near(mean, 0.0, SAME_LOSS) == "fails" for mean in found),
        "same": sum(near(mean, 0.0, SAME_LOSS) == "holds" for mean in found),
        "gap_share_least": min(ends, default=None),
        "gap_share_most": max(ends, default=None),
    }


def _share(asked: Asked, policy: object, seed: int) -> float | None:
    """Return how far a policy ends beyond float32, relative to it; None where it diverges."""
    measured = learn(asked.problem, policy, seed, CPU)  # type: ignore[arg-type]
    found = {m.quantity: m.samples[0] for m in measured}
    if "loss_gap" not in found:
        return None
    return found["loss_gap"] / (found["final_loss"] - found["loss_gap"])


def _target(row: Row) -> Target:
    got = f"told apart in {row['told_apart']}, the same in {row['same']} of {row['reruns']}"
    honest = row["ordinary"] and row["policy"] in HONEST
    return Target(
        f"{row['workload']} {row['policy']}", got, not row["told_apart"] if honest else None
    )


def _known(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row.get("policy")]


def _answered(row: Row, rows: list[Row]) -> bool:
    return any((row["workload"], row["policy"]) == (r["workload"], r["policy"]) for r in rows)


if __name__ == "__main__":
    typer.run(main)
