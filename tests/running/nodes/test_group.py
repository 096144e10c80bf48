"""Which nodes were asked for: by options, by Slurm, and what is refused in one line."""

from __future__ import annotations

import pytest

from bench.cases.case import Case
from bench.errors import UserError
from bench.running.nodes.group import Group, expect_as_begun, first_host, group_of

SLURM = {
    "SLURM_NNODES": "4",
    "SLURM_NODEID": "2",
    "SLURM_JOB_NODELIST": "gpu[07-09,12]",
    "SLURM_JOB_ID": "123456",
}


def case(ranks: int, nodes: int = 1) -> Case:
    return Case("s", "v", "m", "P", {}, ranks=ranks, nodes=nodes)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((2, 1, "gpu1:1234"), Group(2, 1, "gpu1", 1234)),
        ((2, 0, "gpu1"), Group(2, 0, "gpu1", 29400)),
        ((3, 2, "[fe80::1]:77"), Group(3, 2, "fe80::1", 77)),
        ((1, None, ""), None),
        ((None, None, ""), None),
    ],
)
def test_options_name_the_nodes(asked, found) -> None:
    assert group_of(*asked, {}) == found


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((2, None, ""), "expected --nnodes N"),
        ((2, 0, ""), "expected --nnodes N"),
        ((None, 1, ""), "got no --nnodes"),
        ((None, None, "gpu1:1"), "got no --nnodes"),
        ((2, 2, "gpu1:1"), "expected 0 to 1"),
        ((2, 0, "gpu1:99999"), "expected HOST:PORT"),
        ((2, 0, "http://gpu1"), "expected HOST:PORT"),
    ],
)
def test_what_names_none_is_refused(asked, told) -> None:
    with pytest.raises(UserError, match=told):
        group_of(*asked, {})


def test_slurm_tells_a_task_its_nodes() -> None:
    assert group_of(None, None, "", SLURM) == Group(4, 2, "gpu07", 23456)
    assert group_of(1, None, "", SLURM) is None
    assert group_of(None, None, "gpu09:5", SLURM) == Group(4, 2, "gpu09", 5)
    assert group_of(None, None, "", {**SLURM, "SLURM_NNODES": "1"}) is None
    with pytest.raises(UserError, match="one task a node"):
        group_of(None, None, "", {**SLURM, "SLURM_LOCALID": "1"})


@pytest.mark.parametrize(
    ("hosts", "first"),
    [
        ("gpu1", "gpu1"),
        ("gpu1,gpu2", "gpu1"),
        ("gpu[3-5]", "gpu3"),
        ("rack[2-3]n[07,09-11]-ib,x1", "rack2n07-ib"),
    ],
)
def test_the_first_of_slurms_hosts(hosts, first) -> None:
    assert first_host(hosts) == first


def test_ranks_are_spread_evenly() -> None:
    group = Group(2, 0, "h", 1)
    alone, four = group.spread([case(1), case(4)])
    assert (alone.nodes, four.nodes, four.local_ranks) == (1, 2, 2)
    with pytest.raises(UserError, match="3 ranks cannot be spread evenly over 2 nodes"):
        group.spread([case(3)])


def test_a_run_is_finished_on_as_many_nodes() -> None:
    two = Group(2, 0, "h", 1)
    expect_as_begun([case(4, 2)], two)
    expect_as_begun([case(1)], two)  # no case of it lies on several
    expect_as_begun([case(4)], None)
    for cases, group in (([case(4, 2)], None), ([case(4)], two)):
        with pytest.raises(UserError, match="begun on"):
            expect_as_begun(cases, group)
