"""Where cases run: a device that is there, and GPUs for as many ranks as there are."""

from __future__ import annotations

import pytest

from bench.cases.sweep import Sweep, Values, sweep
from bench.errors import UserError
from bench.running.identity import names_of
from bench.selecting import devices
from bench.selecting.devices import choose_device, placed
from bench.sides.selection import select
from bench.sides.server import Server

ON_GPUS = [
    sweep("Step", ranks=1, size="large"),
    sweep("Step", ranks=(2, 4, 8), size="large"),
    sweep("Sum", ranks=2),
    sweep("Product", size="large"),
]
ON_CPU = [
    sweep("Step", ranks=(1, 2), size="small"),
    sweep("Sum", ranks=2),
    sweep("Product", size="small"),
]


def asked(kind: str) -> list[tuple[Sweep, Values]]:
    sweeps = ON_CPU if kind == "cpu" else ON_GPUS
    return [(sweep, point) for sweep in sweeps for point in sweep.points({})]


def places(
    device: str, ranks_given: bool = False, nodes: int = 1
) -> list[tuple[str, str, int, object]]:
    return [
        (where, sweep.problem, point.get("ranks", 1), point.get("size"))  # type: ignore[misc]
        for where, sweep, point in placed(device, asked, ranks_given, nodes)
    ]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    monkeypatch.setattr(devices, "num_gpus", lambda: request.param)
    return int(request.param)


@pytest.mark.parametrize("gpus", [0, 1], indirect=True)  # 0: one that is only counted
def test_on_one_gpu_ranks_are_asked_on_the_cpu_beside_it(
    gpus: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert places("cuda:0") == [
        ("cuda:0", "Step", 1, "large"),
        ("cuda:0", "Product", 1, "large"),
        ("cpu", "Step", 1, "small"),
        ("cpu", "Step", 2, "small"),
        ("cpu", "Sum", 2, None),
    ]
    assert "Step, Sum: a rank needs a GPU, here 1; asked of CPU ranks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gpus", "ranks"), [(2, (2,)), (4, (2, 4)), (8, (2, 4, 8))], indirect=["gpus"]
)
def test_ranks_are_as_many_as_gpus(
    gpus: int, ranks: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    found = places("cuda:0")
    assert {where for where, *_ in found} == {"cuda:0"}
    assert tuple(n for _, problem, n, _ in found if problem == "Step" and n > 1) == ranks
    assert not capsys.readouterr().err


@pytest.mark.parametrize("gpus", [1], indirect=True)
def test_ranks_that_are_asked_for_stay(gpus: int) -> None:
    """They are refused one by one, with the reason: nothing else is run in their place."""
    assert {n for _, problem, n, _ in places("cuda:0", ranks_given=True) if problem == "Step"} == {
        1, 2, 4, 8,
    }  # fmt: skip
    assert {where for where, *_ in places("cuda:0", ranks_given=True)} == {"cuda:0"}


@pytest.mark.parametrize("gpus", [0, 4], indirect=True)
def test_a_cpu_has_room_for_any_number_of_ranks(gpus: int) -> None:
    assert [(n, size) for _, problem, n, size in places("cpu") if problem == "Step"] == [
        (1, "small"),
        (2, "small"),
    ]


@pytest.mark.parametrize("gpus", [2], indirect=True)
def test_a_device_is_one_that_is_there_unless_it_may_be_absent(gpus: int) -> None:
    assert [choose_device(name) for name in ("auto", "cuda", "cuda:1", "cpu")] == [
        "cuda:0",
        "cuda:0",
        "cuda:1",
        "cpu",
    ]
    assert choose_device("cuda:7", absent=True) == "cuda:7"
    for wrong in ("cuda:7", "tpu", "cuda:", "cuda:-1"):
        with pytest.raises(UserError, match="expected one of cpu, cuda:0, cuda:1 on this machine"):
            choose_device(wrong)
    for wrong in ("tpu", "cuda:", "cuda:-1", "cuda:1x"):
        with pytest.raises(UserError, match="expected one of"):
            choose_device(wrong, absent=True)


def test_the_suite_on_one_gpu_is_whole_and_labelled(server: Server) -> None:
    """What is asked of CPU ranks is what a CPU is asked: the same ids, which rank together."""
    beside = select(server, ["distributed"], "", [], "smoke", "cuda", {}, absent=True)
    on_a_cpu = select(server, ["distributed"], "", [], "smoke", "cpu", {})
    if not beside.absent:
        pytest.skip("there are GPUs here")
    on_cpu = {case.id for case in beside.cases if case.device == "cpu"}
    contrastive = ("ClipTraining", "SiglipTraining")  # smoke beside a GPU has no time for them
    asked = [case for case in on_a_cpu.cases if case.problem not in contrastive]
    assert on_cpu == {case.id for case in asked}
    alone = [case.variant for case in beside.cases if case.device != "cpu"]
    assert alone == ["single"]
    assert names_of("cuda:0", beside.cases)[0] == "cpu"  # which nobody else may time meanwhile


def test_who_does_not_run_on_ranks_has_nothing_beside(server: Server) -> None:
    found = select(server, ["distributed/single"], "", [], "smoke", "cuda", {}, absent=True)
    assert [case.device for case in found.cases] == ["cuda:0"]


@pytest.mark.parametrize("gpus", [2], indirect=True)
def test_ranks_are_as_many_as_the_gpus_of_all_nodes(gpus: int) -> None:
    for nodes, ranks in ((1, [2]), (2, [2, 4]), (4, [2, 4, 8])):
        found = places("cuda:0", nodes=nodes)
        assert [n for _, name, n, _ in found if name == "Step" and n > 1] == ranks
