"""Made-up records of trainings whose times, waits and traffic are known."""

from __future__ import annotations

from bench.cases.case import Case, Plain
from bench.judging.record import Record
from tests.suites.trained_by_ranks import SMALL

WOBBLE = (0.99, 1.0, 1.01, 1.0, 0.995)  # of a round: what all cases share
APART = (1.0, 1.001, 0.999, 1.0005, 0.9995)  # what is a case's own
STAGES = {"single": 0, "ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3, "fsdp2": 3}
PSI = 100.0


def timed(
    variant: str,
    time_s: float,
    ranks: int = 2,
    noise: float = 1.0,
    waits: tuple[float, float] | None = None,
    moves: int | None = None,
    flags: list[str] | None = None,
    options: dict[str, Plain] | None = None,
    threads: int = 1,
    **values: Plain,
) -> Record:
    """Make a record timed in five rounds, odd ones off by `noise`.

    `waits` are its exposed share, and its collectives alone over the step; `moves` what the paper
    says in Psi.
    """
    case = Case(
        "distributed", variant, "m", "DataParallelTraining",
        {**SMALL, "precision": "float32", **values}, pass_="train", ranks=ranks, threads=threads,
        options=options or {},
    )  # fmt: skip
    stage = STAGES.get(variant, 3)
    off = [WOBBLE[i] * APART[(i + len(variant)) % 5] * (noise if i % 2 else 1) for i in range(5)]
    samples = {"time": {(0, i): [[time_s * off[i]]] for i in range(5)}}
    for name, value in zip(("exposed_share", "bare_over_step"), waits or (), strict=False):
        samples[name] = {(0, i): [[value * WOBBLE[i]]] for i in range(5)}
    moved = moves if moves is not None else 3 if stage == 3 else 2
    return Record(
        case, "ok", samples=samples, flags=flags or [],
        units={name: "s" if name == "time" else "1" for name in samples},
        values={"model_states": 1600.0 / (1 if stage == 0 else 2), "zero_stage": float(stage),
                "num_parameters": PSI, "traffic_elements": moved * PSI,
                "traffic_paper_elements": moved * PSI, "traffic_engine_elements": moved * PSI,
                "model_states_engine": 1600.0, "model_states_paper": 1600.0},
    )  # fmt: skip
