"""Reading a run: what no attempt, no manifest and no case's values can say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Measurement
from bench.errors import UserError
from bench.store import create, read
from bench.store.problems import misfit
from tests.store.written_runs import CASE, attempt, manifest, of_before, recorded, refusal, remade


def line_of(**changes: Any) -> str:
    return json.dumps(dataclasses.asdict(attempt(7, **changes)))


def measured(*found: Measurement) -> str:
    return line_of(measurements=[Measurement("time", "s", [0.1, 0.2]), *found])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (line_of().replace('"flags"', '"flaGs"'), "unknown field `flaGs`"),
        (line_of().replace('"round": 7', '"round": 7, "round": 8'), "got 'round' twice"),
        (line_of().replace("0.1", "1" + "0" * 400), "not a valid attempt"),
        (line_of().replace("0.1", "1" + "0" * 5000), "not a valid attempt"),
        (line_of().replace("0.1", "1e308"), "not a valid attempt"),
        (line_of().replace("0.1", "-0.0"), "samples above 0"),
        (line_of().replace("0.1", "5e-324"), "at least 1e-12 s"),
        (line_of().replace("0.1", "1e50"), "from 0 to 1e+09 s"),
        (line_of().replace('"round": 7', '"round": -1'), "not a valid attempt"),
        (line_of(session=3), "expected one of 1 sessions"),
        (line_of(started="0001-01-01T00:00:00+00:00"), "expected a date and time"),
        (line_of(started="yesterday"), "expected a date and time"),
        (measured(Measurement("time", "s", [0.1])), "time: expected once in an attempt"),
        (measured(Measurement("forward", "s", [0.1])), "forward: expected a sample of every call"),
        (measured(Measurement("first_call", "bytes", [1.0])), "first_call: expected seconds"),
        (measured(Measurement("wire", "bytes", [1.0], rank=3)), "expected one of 1 ranks, got 3"),
        (measured(Measurement("loss", "1", [1e-200])), "loss: expected 0 or"),
        (line_of().replace('"s"', '"bytes"'), "time: expected seconds, got unit 'bytes'"),
        (line_of(detail="x" * 30_000), "not a valid attempt"),
    ],
)
def test_what_no_attempt_can_have_left_is_refused_with_its_line(
    tmp_path: Path, line: str, complaint: str
) -> None:
    run = of_before(tmp_path)
    with run.records_path.open("a") as stream:
        stream.write(line + "\n")
    said = refusal(run.folder)
    assert complaint in said
    assert "records.jsonl, line 6" in said


def test_a_unit_does_not_change_on_the_way(tmp_path: Path) -> None:
    run = of_before(tmp_path)
    for number, unit in ((8, "bytes"), (9, "1")):
        with run.records_path.open("a") as stream:
            held = Measurement("held", unit, [1.0])
            stream.write(
                json.dumps(dataclasses.asdict(attempt(number, measurements=[held, *TIME])))
            )
            stream.write("\n")
    assert "line 7: held: expected the unit of before, 'bytes', got '1'" in refusal(run.folder)


TIME = [Measurement("time", "s", [0.1])]
SPEED = {"moved_bytes": 1, "bytes_per_s": 1e9, "spread": 0.0, "by": "copy"}


def session(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda plain: plain["sessions"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda plain: plain["cases"].append(plain["cases"][0]), "expected every case once"),
        (lambda plain: plain.update(unheard_of=1), "unknown field `unheard_of`"),
        (lambda plain: plain.update(checkpoints=[5, 3]), "expected checkpoints that increase"),
        (lambda plain: plain.update(checkpoints=[0]), "not a valid manifest"),
        (lambda plain: plain.update(share_s=0), "share_s and timeout_s above 0"),
        (lambda plain: plain.update(device="cuda:0/../x"), "not a valid manifest"),
        (lambda plain: plain.update(seed=10**400), "not a valid manifest"),
        (lambda plain: plain["cases"][0].update(values={"n": {}}), "not a valid manifest"),
        (lambda plain: plain["cases"][0].update(threads=0), "not a valid manifest"),
        (lambda plain: plain["cases"][0].update(variant=""), "expected a suite and a variant"),
        (session(started="0001-01-01T00:00:00+00:00"), "session 1: expected a date and time"),
        (session(started="now"), "session 1: expected a date and time"),
        (session(environment={"machine_id": "../../etc"}), "expected a machine_id"),
        (session(environment={"gpus": 10**300}), "environment: expected whole numbers"),
        (session(environment={"a": json.loads("[" * 40 + "]" * 40)}), "at most 12 levels"),
        (session(ceilings=[{"device": "cpu", "threads": 1, "launch_s": -1}]), "not a valid"),
        (
            session(
                ceilings=[
                    {"device": "cpu", "threads": 1, "bandwidths": [SPEED | {"bytes_per_s": 0}]}
                ]
            ),
            "not a valid manifest",
        ),
        (session(ceilings=[{"device": "cpu", "threads": 1}] * 2), "ceilings of a device"),
        (session(sampler={"period_s": 0}), "session 1: not a valid sampler"),
        (session(noise={"kinds": {"x": {"judged": "luck"}}}), "session 1: not a valid noise"),
    ],
)
def test_what_no_manifest_can_say_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    run = recorded(tmp_path)
    remade(run, change)
    said = refusal(run.folder)
    assert complaint in said
    assert "run.json" in said


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"seqlen_q": None}, "seqlen_q: expected int, got null"),
        ({"seqlen_q": "64"}, "seqlen_q: expected int, got '64'"),
        ({"seqlen_q": True}, "seqlen_q: expected int, got True"),
        ({"seqlen_q": 64.5}, "seqlen_q: expected int, got 64.5"),
        ({"causal": 1}, "causal: expected bool, got 1"),
        ({"window": "x"}, "window: expected int or None, got 'x'"),
        ({"window": None, "seqlen_q": 64, "causal": False}, ""),
        ({"of_another_version": "x"}, ""),
    ],
)
def test_values_are_of_the_types_that_their_problem_declares(
    values: dict[str, Any], complaint: str
) -> None:
    case = dataclasses.replace(CASE, suite="attention", problem="SoftmaxAttention", values=values)
    assert misfit(case) == complaint


def test_an_inherited_field_has_a_type_and_an_unknown_problem_has_none() -> None:
    gpt = dataclasses.replace(CASE, suite="precision", problem="GPTTraining")
    assert misfit(dataclasses.replace(gpt, values={"batch": "8"}))
    assert not misfit(dataclasses.replace(CASE, suite="nobody's", values={"n": None}))
    assert not misfit(dataclasses.replace(CASE, suite="attention", values={"n": None}))


def test_what_could_not_be_read_again_is_not_begun(tmp_path: Path) -> None:
    for case in (
        dataclasses.replace(CASE, flops=10**30),
        dataclasses.replace(CASE, values={"n": 1e200}),
        dataclasses.replace(CASE, values={"n": float("nan")}),
    ):
        with pytest.raises(UserError, match="this run: not a valid manifest"):
            create(tmp_path, manifest(cases=[case]))
    assert not list(tmp_path.iterdir())


def test_an_attempt_that_could_not_be_read_again_becomes_an_error(tmp_path: Path) -> None:
    run = create(tmp_path, manifest())
    run.append(attempt(0, labels={"long": "x" * 30_000}))
    run.append(attempt(1, fingerprints=[[[float("nan")]]]))
    assert [one.outcome for one in read(run.folder).attempts] == ["error", "error"]
