"""The memory role tells the peak of known tensors, as the allocator does, and cuBLAS's apart."""

from __future__ import annotations

from bench.running.proving.gpucheck.asked import case_of, role, samples_of
from bench.running.proving.gpucheck.finding import Figure, NotTold
from bench.running.proving.gpucheck.trial import Here

ORDER = 70
LIMIT_S = 60

N = 1 << 24  # elements of a vector: 64 MiB
SIZE = 2048  # of a matrix: 16 MiB
ROUNDING_BYTES = 1 << 20  # what the allocator may round up, in all


def ask(here: Here) -> list[Figure]:
    """Measure two calls whose peaks are known; read the allocator beside the second."""
    with here.server() as server:
        copying = role(
            here, server, case_of("through_a_copy", "Doubled", here.device, n=N), "memory"
        )
        product = role(here, server, case_of("product", "Squared", here.device, n=SIZE), "memory")
        read = here.call(server, "memory:peak_of_a_product", 50.0, device=here.device, size=SIZE)
    peaks = [samples_of(reply, "peak") for reply in (copying, product)]
    workspace = samples_of(product, "cublas_workspace")
    if None in peaks:
        raise NotTold("the memory role told no peak")
    copying_bytes, product_bytes = (peak[0] for peak in peaks if peak)
    return figures(copying_bytes, product_bytes, workspace[0] if workspace else None, read)


def figures(
    copying: float, product: float, workspace: float | None, read: float | None
) -> list[Figure]:
    """Judge peaks in bytes: three vectors, two matrices, and what the allocator itself says."""
    vectors, matrices = 3 * 4 * N, 2 * 4 * SIZE**2
    both = None if workspace is None or read is None else product + workspace - read
    return [
        _near("the peak of a step through a copy", copying, vectors),
        _near("the peak of a product, without cuBLAS's workspace", product, matrices),
        Figure("cuBLAS's workspace", workspace, "B", 0, 256 << 20),
        Figure("peak and workspace, beyond what the allocator says", both, "B", *_ROUNDED),
    ]


_ROUNDED = (-ROUNDING_BYTES, ROUNDING_BYTES)


def _near(name: str, value: float, expected: int) -> Figure:
    return Figure(name, value, "B", expected, expected + ROUNDING_BYTES)
