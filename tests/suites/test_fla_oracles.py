"""Retention, the selective state space and linear attention against fla's plain torch of them.

Importing the package asks for triton, which no CPU has; these files do not, and are read alone.
"""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from bench.cases.setting import Setting
from suites.attention.linear import linear_chunked
from suites.attention.problem import LinearAttention, phi
from suites.mixers.mamba2 import Mamba2
from suites.mixers.mixing import made
from suites.mixers.pieces import wide
from suites.mixers.retnet import RetNet

WIDTH, HEADS, SEQLEN = 32, 2, 48
CPU = Setting(torch.float32, torch.device("cpu"))
WITHIN = 1e-5  # of float32, summed in another order
pytestmark = pytest.mark.usefixtures("no_gradients")


def plain(operator: str) -> ModuleType:
    found = find_spec("fla")
    if found is None or not found.submodule_search_locations:
        pytest.skip("fla-core is not installed")
    path = Path(found.submodule_search_locations[0]) / "ops" / operator / "naive.py"
    spec = spec_from_file_location(f"plain_{operator}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tokens() -> Tensor:
    return torch.randn(2, SEQLEN, WIDTH, generator=torch.Generator().manual_seed(0))


def near(got: Tensor, expected: Tensor) -> bool:
    return bool((got - expected).norm() <= WITHIN * expected.norm())


@pytest.mark.parametrize("form", ["parallel", "chunked", "recurrent"])
def test_retention(form: str) -> None:
    mixer = made(lambda: RetNet(WIDTH, HEADS, form, chunk=16), CPU)
    x = tokens()
    q, k, v, gate = mixer._projected(x, 0)
    retained = plain("retention").naive_retention(q, k * q.shape[-1] ** 0.5, v)  # it scales, too
    assert near(mixer.mix(x), mixer._gated(retained, gate))


@pytest.mark.parametrize("form", ["chunked", "recurrent"])
def test_a_selective_state_space_is_gated_linear_attention(form: str) -> None:
    """C, B and dt x for queries, keys and values, dt A for the logarithm of the gate."""
    mixer = made(lambda: Mamba2(WIDTH, HEADS, form, state=8, chunk=16), CPU)
    inputs = tokens()
    z, x, b, c, step, _ = mixer._projected(inputs, mixer.convolution.empty(inputs))
    keys, queries = (t[:, :, None].expand(-1, -1, HEADS, -1) for t in (b, c))
    decay = -step * wide(mixer.log_a).exp()
    oracle = plain("simple_gla").naive_recurrent_simple_gla
    read, _ = oracle(queries, keys, x * step[..., None], decay, scale=1.0)
    expected = mixer._gated((read + mixer.skip[:, None] * x).flatten(2), z)
    assert near(mixer.mix(inputs), expected)


@pytest.mark.parametrize("oracle", ["naive_recurrent_linear_attn", "naive_chunk_linear_attn"])
def test_linear_attention(oracle: str) -> None:
    problem = LinearAttention(batch=2, num_heads=HEADS, seqlen=128, head_dim=16, causal=True)
    inputs = problem.make_inputs(0, CPU)
    q, k, v = (x.transpose(1, 2) for x in inputs.tensors)
    found = getattr(plain("linear_attn"), oracle)(phi(q), phi(k), v, normalize=True)
    expected = (found[0] if isinstance(found, tuple) else found).transpose(1, 2)
    assert near(linear_chunked.build(problem, CPU, {})(inputs.tensors), expected)
    assert near(problem.reference(inputs, torch.float64)[0].float(), expected)
