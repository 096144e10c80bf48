"""A made-up run of three suites: quality over seeds, phases, ranks, cases that are never timed."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import altair as alt
import pandas as pd

from bench.cases.case import Attempt, Case, Measurement, Plain
from bench.cases.chart import Chart
from bench.store import Manifest, Run, Session

ROUNDS, SEEDS = 5, 3
POLICIES = {"fp32": (0.040, 2.00, 9e6), "bf16_autocast": (0.025, 2.01, 6e6)}
STRATEGIES = {"ddp": (0.050, 16e6), "zero3": (0.080, 8e6)}
DEATH = "rank 2: RuntimeError: the peer closed its connection"
SAMPLERS = {"ddim": 9.0, "heun": 4.0}


def several_suites(folder: Path) -> Run:
    """Return the run; equal for equal folders, since every sample comes from one seed."""
    rng = random.Random(7)
    attempts = [*training(rng), *parallel(rng), *sampling(rng)]
    cases = list(dict.fromkeys(case.id for case, _ in attempts))
    by_id = {case.id: case for case, _ in attempts}
    environment = {"cpu": "a made-up CPU", "cores_usable": 2, "torch": "2.x"}
    manifest = Manifest(
        command=["bench", "run"],
        preset="smoke",
        device="cpu",
        seed=7,
        share_s=0.3,
        checkpoints=[ROUNDS],
        cases=[by_id[name] for name in cases],
        sessions=[Session("2026-01-01T00:00:00+00:00", environment, ended_by="finished")],
    )
    return Run(folder, manifest, [replace(a, case=case.id) for case, a in attempts])


Told = list[tuple[Case, Attempt]]


def training(rng: random.Random) -> Told:
    """A training step under two policies, with its phases, bytes and losses."""
    told: Told = []
    for width in (64, 128):
        for policy, (time_s, loss, activations) in POLICIES.items():
            case = case_of("training", policy, "TrainStep", {"width": width, "model": "gpt"})
            case = replace(case, work={"tokens": 2048.0}, quality_seeds=SEEDS)
            scale = width / 64
            kinds = {"peak": 2e7 * scale, "parameters": 4e6 * scale, "activations": activations}
            told += prepared(case, [of(kind, "bytes", held) for kind, held in kinds.items()])
            for seed in range(SEEDS):
                losses = [4.0 * 0.9**i + loss / 2 + rng.gauss(0, 0.01) for i in range(12)]
                trajectory = Measurement("loss", "1", losses)
                gap = of("loss_gap", "1", rng.gauss(loss - 2.0, 0.004))
                told.append((case, attempt("quality", seed, [trajectory, gap])))
            told += timed(case, rng, time_s * scale, {"forward": 0.3, "backward": 0.6})
    return told


def parallel(rng: random.Random) -> Told:
    """A training step on ranks: one strategy dies, another is never timed at four ranks."""
    told: Told = []
    for ranks in (2, 4):
        for strategy, (time_s, held) in STRATEGIES.items():
            case = case_of("parallel", strategy, "ParallelStep", {"width": 64}, ranks=ranks)
            case = replace(case, rounds=3 if ranks == 2 else 0, work={"tokens": 4096.0})
            if strategy == "zero3" and ranks == 4:
                died = replace(attempt("check", 0, []), outcome="crash", detail=DEATH)
                told.append((case, died))
                continue
            per_rank = [of("held", "bytes", held + 64 * r, rank=r) for r in range(ranks)]
            told += prepared(case, [*per_rank, of("wire", "bytes", 2e6 * (ranks - 1) / ranks)])
            if case.rounds:
                told += timed(case, rng, time_s, {}, ranks=ranks, flags=["oversubscribed"])
    return told


def sampling(rng: random.Random) -> Told:
    """Samplers at budgets of network calls: one distance a seed."""
    told: Told = []
    for budget in (5, 20, 80):
        for sampler, error in SAMPLERS.items():
            case = case_of("sampling", sampler, "Digits", {"nfe": budget, "ground": "exact"})
            case = replace(case, work={"images": 64.0}, quality_seeds=SEEDS)
            told += prepared(case, [of("nfe", "1", budget - budget % 2)])
            for seed in range(SEEDS):
                distance = of("fd", "1", error / budget + rng.gauss(0, 0.02))
                told.append((case, attempt("quality", seed, [distance])))
            told += timed(case, rng, 1e-3 * budget * (1.1 if sampler == "heun" else 1.0), {})
    return told


def case_of(
    suite: str, variant: str, problem: str, values: dict[str, Plain], ranks: int = 1
) -> Case:
    return Case(suite, variant, f"suites.{suite}", problem, values, ranks=ranks, source_hash="0")


def of(quantity: str, unit: str, value: float, rank: int | None = None) -> Measurement:
    return Measurement(quantity, unit, [value], rank)


def attempt(role: str, number: int, found: list[Measurement]) -> Attempt:
    return Attempt("", role, 0, number, "ok", measurements=found)  # type: ignore[arg-type]


def prepared(case: Case, memory: list[Measurement]) -> Told:
    error = [of("out_error_l2", "1", 1e-7), of("out_error_over_budget", "1", 0.4)]
    return [(case, attempt("check", 0, error)), (case, attempt("memory", 0, memory))]


def timed(
    case: Case,
    rng: random.Random,
    time_s: float,
    phases: dict[str, float],
    ranks: int = 1,
    flags: list[str] | None = None,
) -> Told:
    told: Told = []
    for number in range(case.rounds or ROUNDS):
        samples = [time_s * rng.lognormvariate(0, 0.02) for _ in range(3)]
        found = [Measurement("time", "s", samples)]
        found += [Measurement(n, "s", [share * t for t in samples]) for n, share in phases.items()]
        if ranks > 1:
            found += [
                Measurement("time", "s", [t * (1 - 0.05 * rank) for t in samples], rank)
                for rank in range(ranks)
            ]
        told.append((case, replace(attempt("time", number, found), flags=flags or [])))
    return told


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw whatever trajectories there are, and times otherwise."""
    losses = trajectories[trajectories["quantity"] == "loss"]
    if len(losses):
        lines = alt.Chart(losses).mark_line().encode(x="index:Q", y="value:Q", color="variant:N")
        return [Chart("Loss by step", "All seeds.", lines)]
    bars = alt.Chart(table).mark_bar().encode(x="variant:N", y="time_s:Q")
    return [Chart("Time by variant", "One bar a case.", bars)]
