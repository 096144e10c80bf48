"""Which outcome an exception is: what ran out of memory says so in many ways."""

from __future__ import annotations

import pytest

from bench.workers.outcome import outcome_of


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "Failed: cudaErrorMemoryAllocation",
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes",
        "std::bad_alloc",
    ],
)
def test_memory_that_ran_out_is_oom(message: str) -> None:
    def work() -> dict[str, object]:
        raise RuntimeError(message)

    assert outcome_of(work)["outcome"] == "oom"


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`",
        "CUDA driver version is insufficient for CUDA runtime version",
        "NCCL error: unhandled cuda error",
    ],
)
def test_any_other_error_is_an_error(message: str) -> None:
    def work() -> dict[str, object]:
        raise RuntimeError(message)

    told = outcome_of(work)
    assert (told["outcome"], message in told["detail"]) == ("error", True)
