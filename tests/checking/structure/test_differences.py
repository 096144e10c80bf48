"""Structures told apart in words, the telling things first; nothing where they are the same."""

from __future__ import annotations

from dataclasses import replace

from bench.checking.structure.differences import comparable, differences
from bench.checking.structure.structure import Structure

BASE = Structure(
    operators={"mm bfloat16": 4, "add bfloat16": 2},
    order="0",
    heavy={"mm bfloat16 8×8 8×8": 4},
    host_reads={"_local_scalar_dense": 1},
    copies={"cuda → cpu": 1},
    copied_bytes={"cuda → cpu": 4},
    collectives={"allreduce_ 256 bytes": 1},
    nodes={"MmBackward0": 4},
    graphs=1,
    kernels={"triton_poi_fused_0": 9},
    launches={"flash_fwd_kernel": 2},
    breaks={"a print": 1},
    flops=100,
    bytes_read=10,
    bytes_written=5,
    allocations=7,
    allocated_bytes=70,
)


def told(**changes: object) -> list[str]:
    return differences(BASE, replace(BASE, **changes))  # type: ignore[arg-type]


def test_equal_structures_have_no_difference() -> None:
    assert told() == []


def test_every_count_has_words_of_its_own() -> None:
    assert told(operators={"mm float32": 4, "add bfloat16": 2}, heavy={})[0] == (
        "float32 where bfloat16 was (mm)"
    )
    assert told(host_reads={}) == ["−1 read by the host a call (_local_scalar_dense)"]
    assert told(copies={"cuda → cpu": 3}, copied_bytes={"cuda → cpu": 12}) == [
        "+2 copies cuda → cpu a call (+8 bytes)"
    ]
    assert told(copied_bytes={"cuda → cpu": 12}) == ["copies cuda → cpu: 4 bytes became 12"]
    assert told(collectives={"allreduce_ 256 bytes": 2}) == [
        "1 collective became 2: +1 allreduce_ 256 bytes"
    ]
    assert told(nodes={"MmBackward0": 5}) == ["4 autograd nodes became 5: +1 MmBackward0"]
    assert told(graphs=0) == ["compiled → eager: 1 compiled graph became 0"]
    assert told(graphs=3) == ["1 compiled graph became 3"]
    assert told(kernels={"triton_poi_fused_0": 14}) == [
        "9 fused kernels became 14: +5 triton_poi_fused_0"
    ]
    assert told(launches={"pytorch_flash": 2}) == [
        "other kernels: +2 pytorch_flash, -2 flash_fwd_kernel"
    ]
    assert told(breaks={"a print": 2}) == ["+1 graph break (a print)"]
    assert told(recompilations=1) == ["+1 recompilation"]
    assert told(fallbacks=2) == ["+2 frames left to Python"]
    assert told(flops=200) == ["100 FLOPs became 200"]
    assert told(bytes_read=11) == ["10 bytes read by operators became 11"]
    assert told(bytes_written=6) == ["5 bytes written by operators became 6"]
    assert told(allocations=8) == ["7 allocations became 8"]
    assert told(allocated_bytes=71) == ["70 bytes allocated became 71"]
    assert told(order="1") == ["the same operators in another order, or of other shapes"]


def test_no_field_can_change_in_silence() -> None:
    """A count that is added to a structure needs words, or nobody would hear of it."""
    for name, value in vars(BASE).items():
        other = (
            {"more": 1} if isinstance(value, dict) else "x" if value == "0" else (value or 0) + 1
        )
        assert told(**{name: other}), name


def test_long_lists_are_cut() -> None:
    many = {f"operator_{i} float32": 1 for i in range(20)}
    (line,) = (one for one in told(operators={**BASE.operators, **many}) if "operators" in one)
    assert line.endswith("14 more")


def test_another_machine_may_choose_kernels_and_buffers() -> None:
    other = replace(BASE, launches={"sm80_gemm": 1}, allocations=8, allocated_bytes=9)
    assert differences(comparable(BASE, False), comparable(other, False)) == []
    assert len(differences(comparable(BASE, True), comparable(other, True))) == 3
