"""The class of an operator or a kernel, by its name: what a reader asks for first."""

from __future__ import annotations

import re
from functools import lru_cache

COMMUNICATION = "communication"
OUTSIDE = "outside operators"  # Python, and what a library does between operators
AUTOGRAD = "autograd"
VIEWS = "views"
COMPILED = "compiled"  # what a compiler made of operators: on a CPU nobody tells its kernels apart
WAITING = "waiting"

# The first that fits counts. Names are torch's own operators and those of the libraries it calls.
PATTERNS = (
    (COMMUNICATION, r"^(c10d|gloo|nccl|_c10d\w*|record_param_comms)\b|^nccl|ncclDevKernel"),
    ("attention", r"scaled_dot_product|flash|efficient_attention|fmha|flex_attention|sdpa"),
    ("convolution", r"conv|im2col|col2im|winograd"),
    (
        "matrix products",
        r"\b_?(addmm|mm|bmm|baddbmm|addmv|mv|dot|addbmm|scaled_mm|mkldnn_linear|matmul|linear|einsum)\b"
        r"|gemm|cutlass",
    ),
    (COMPILED, r"triton|cpp_fused|Compiled|Inductor|TorchDynamo|AOTDispatcher|Pregraph"),
    ("Fourier transforms", r"fft"),
    ("normalisation", r"(layer|batch|group|instance|rms)_?norm|LayerNorm|native_norm"),
    ("softmax and loss", r"softmax|nll_loss|cross_entropy|logsumexp"),
    ("optimizer", r"_foreach_|_fused_(adam|sgd)|multi_tensor"),
    (WAITING, r"_local_scalar_dense|::item\b|Synchronize"),
    ("random numbers", r"rand|normal_|uniform_|bernoulli|exponential_|dropout|multinomial"),
    (
        "indexing",
        r"index|gather|scatter|embedding|select_backward|slice_backward|masked|where|sort|topk"
        r"|nonzero|tril|triu",
    ),
    (
        "copies and filling",
        r"copy|clone|contiguous|\bcat\b|CatArray|stack|fill|zero|empty|ones|full|memcpy|memset"
        r"|resize|arange|Memcpy|Memset",
    ),
    ("reductions", r"sum|mean|amax|amin|argm|prod|var|std|norm|\bany\b|\ball\b|reduce"),
    (AUTOGRAD, r"^autograd::|Backward|AccumulateGrad"),
    ("elementwise", r"^aten::|elementwise|vectorized"),
)
_COMPILED = [(name, re.compile(pattern)) for name, pattern in PATTERNS]


@lru_cache(maxsize=4096)
def class_of(name: str) -> str:
    """Return the class of an operator or kernel; one of nobody's kind is called `other`."""
    return next((found for found, pattern in _COMPILED if pattern.search(name)), "other")
