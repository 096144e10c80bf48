"""Names of environment variables by the family of libraries that reads them.

Families, not variables: a new variable of a known library needs no line here, and what no family
covers is found in the libraries themselves (see `bench.judging.surroundings`).
"""

import hashlib
import re

KERNELS = """
    ATEN_ BLIS_ CUBLAS CUDNN_ DNNL_ GLIBC_ GOMP_ GOTO_ KMP_ LIBOMP_ MALLOC_ MKL_ NPY_ NVIDIA_ OMP_
    ONEDNN_ ONEMKL_ OPENBLAS_ TBB_ VECLIB_
""".split()  # noqa: SIM905 - a family a line would be forty lines
FRAMEWORKS = """
    CUDA_ DEEPSPEED_ DS_ GLOO_ JEMALLOC_ KINETO_ LD_ MIMALLOC_ NCCL_ NUMBA_ NUMPY_ PYTHON PYTORCH_
    TCMALLOC_ THP_ TORCH TRITON_ XFORMERS_ XLA_
""".split()  # noqa: SIM905

# Of streams, files, messages, and what a container wants of a driver: no call takes longer or
# shorter by them.
NO_KERNELS = """
    NVIDIA_REQUIRE_CUDA PYTHONCOERCECLOCALE PYTHONDONTWRITEBYTECODE PYTHONIOENCODING
    PYTHONNODEBUGRANGES PYTHONPYCACHEPREFIX PYTHONSAFEPATH PYTHONUNBUFFERED PYTHONUTF8
""".split()  # noqa: SIM905

_PLAIN = re.compile(r"[\w.,:;=+*%<> -]{0,80}")
_DEVICE = re.compile(r"(GPU|MIG)-|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}")


def belongs(name: str) -> bool:
    """Say whether a variable's name is one of a family's."""
    return (of_kernels(name) or name.startswith(tuple(FRAMEWORKS))) and name not in NO_KERNELS


def of_kernels(name: str) -> bool:
    """Say whether it is one that kernels, thread pools or the allocator read."""
    return name.startswith(tuple(KERNELS))


def shown(value: str) -> str:
    """Return a value that names no place, host, person or device; of any other only a hash.

    A hash still tells that two values differ.
    """
    if _PLAIN.fullmatch(value) and not _DEVICE.search(value):
        return value
    return "#" + hashlib.sha256(value.encode()).hexdigest()[:8]
