"""Names of environment variables by the family of libraries that reads them.

Families, not variables: a new variable of a known library needs no line here, and what no family
covers is found in the libraries themselves (see `bench.surroundings`).
"""

import hashlib
import re

FAMILIES = """
    ATEN_ BLIS_ CUBLAS CUDA_ CUDNN_ DEEPSPEED_ DNNL_ DS_ GLIBC_ GLOO_ GOMP_ GOTO_ JEMALLOC_ KINETO_
    KMP_ LD_ LIBOMP_ MALLOC_ MIMALLOC_ MKL_ NCCL_ NPY_ NUMBA_ NUMPY_ NVIDIA_ OMP_ ONEDNN_ ONEMKL_
    OPENBLAS_ PYTHON PYTORCH_ TBB_ TCMALLOC_ THP_ TORCH TRITON_ VECLIB_ XFORMERS_ XLA_
""".split()  # noqa: SIM905 - a family a line would be forty lines

_PLAIN = re.compile(r"[\w.,:;=+*%<> -]{0,80}")
_DEVICE = re.compile(r"(GPU|MIG)-|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}")


def belongs(name: str) -> bool:
    """Say whether a variable's name is one of a family's."""
    return name.startswith(tuple(FAMILIES))


def shown(value: str) -> str:
    """Return a value that names no place, host, person or device; of any other only a hash.

    A hash still tells that two values differ.
    """
    if _PLAIN.fullmatch(value) and not _DEVICE.search(value):
        return value
    return "#" + hashlib.sha256(value.encode()).hexdigest()[:8]
