"""Variants that hold a weight of one MiB in every way there is; `bytes` is what each holds."""

from __future__ import annotations

import contextlib
import mmap
import tempfile
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.utils import dlpack

from bench import variant
from suites.faults.problem import Double

NUM = 512 * 512
MIB = 4 * NUM  # float32

Held = Callable[[], Any]
WAYS: dict[str, tuple[Held, int]] = {}


def holds(num_bytes: int) -> Callable[[Held], Held]:
    """Enter a function whose result holds so many bytes."""

    def enter(make: Held) -> Held:
        WAYS[make.__name__] = (make, num_bytes)
        return make

    return enter


@variant
def held(problem: Double, *, way: str = "nothing") -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Hold a weight made in set-up."""
    weight = WAYS[way][0]()

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        return (inputs[0] + inputs[0], weight)[0]

    return step


@variant
def held_lazily(problem: Double, *, way: str = "nothing") -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Hold a weight made in the first call."""
    kept: list[Any] = []

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        if not kept:
            kept.append(WAYS[way][0]())
        return inputs[0] + inputs[0]

    return step


@variant
def let_go(problem: Double, *, way: str = "nothing") -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Free in the first call what set-up made."""
    kept = [WAYS[way][0]()]

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        kept.clear()
        return inputs[0] + inputs[0]

    return step


@variant
def unseen(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Hold much that C++ made in another thread for itself: neither events nor tensors show it."""
    held: list[Any] = []

    def loss() -> None:
        scores = torch.ones(1, 1, requires_grad=True).expand(4, 8 << 18)
        with torch.enable_grad():  # the graph keeps their log-softmax
            held.append(nn.functional.cross_entropy(scores * 1, torch.zeros(4, dtype=torch.long)))

    _in_a_thread(loss)
    return lambda inputs: (inputs[0] + inputs[0], held)[0]


@variant
def gone_unseen(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Free in another thread much that was made in this one."""
    held = [torch.ones(32 << 18)]
    _in_a_thread(held.clear)
    return lambda inputs: (inputs[0] + inputs[0], held)[0]


@variant
def works_unseen(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Use much memory in a call that is no tensor's."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        np.ones(32 << 18, np.float32)
        return inputs[0] + inputs[0]

    return step


def _in_a_thread(work: Callable[[], Any]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


class OwnParameter(nn.Parameter):
    """A parameter of one's own type."""


class OwnTensor(Tensor):
    """A tensor of one's own type."""


class Wrapper(Tensor):
    """A tensor without memory that wraps another, and does not tell the compiler how."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> Wrapper:
        return Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner: Tensor):
        self.inner = inner

    def __torch_dispatch__(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        return "Wrapper()"


class Flat(Wrapper):
    """A wrapper that tells."""

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["inner"], None

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any, kwargs: Any = None) -> Flat:
        return cls(function(args[0].inner, *args[1:], **(kwargs or {})))


def weight() -> Tensor:
    return torch.ones(512, 512)


@holds(0)
def nothing() -> Any:
    return None


@holds(MIB)
def plain() -> Any:
    return weight()


@holds(MIB)
def parameter() -> Any:
    return nn.Parameter(weight())


@holds(MIB)
def own_parameter() -> Any:
    return OwnParameter(weight())


@holds(MIB)
def own_tensor() -> Any:
    return weight().as_subclass(OwnTensor)


@holds(MIB)
def wrapper() -> Any:
    return Wrapper(weight())


@holds(MIB)
def parameter_of_wrapper() -> Any:
    return nn.Parameter(Flat(weight()), requires_grad=False)


@holds(MIB)
def wrapper_of_numpy() -> Any:
    return Flat(torch.from_numpy(np.ones((512, 512), np.float32)))


@holds(MIB)
def buffer() -> Any:
    module = nn.Module()
    module.register_buffer("table", weight())
    return module


@holds(MIB + 4)
def graph() -> Any:
    """Only autograd holds the weight, beside the result."""
    with torch.enable_grad():
        made = weight().requires_grad_()
        return (made * made).sum()


@holds(MIB)
def capsule() -> Any:
    """Only C++ holds it."""
    return dlpack.to_dlpack(weight())


@holds(MIB)
def script_dict() -> Any:
    """Only C++ holds it."""
    return torch._C.ScriptDict({"weight": weight()})


@holds(4 * (4 * 64 * 64 * 2 + 4 * 64 * 2))
def lstm() -> Any:
    return nn.LSTM(64, 64)


@holds(4 * MIB + 4)
def optimizer() -> Any:
    """Weight, gradient, two moments and a count of steps."""
    made = nn.Parameter(weight())
    made.grad = weight()
    chosen = torch.optim.AdamW([made])
    with torch.enable_grad():
        chosen.step()
    return chosen


@holds(1000 * (2 * 8 + 4))
def coo() -> Any:
    places = torch.arange(1000).repeat(2, 1)
    return torch.sparse_coo_tensor(places, torch.ones(1000), (1000, 1000), check_invariants=False)


@holds(1001 * 8 + 1000 * (8 + 4))
def csr() -> Any:
    rows, columns = torch.arange(1001), torch.arange(1000)
    return torch.sparse_csr_tensor(rows, columns, torch.ones(1000), (1000, 1000))


@holds(4 * NUM + 8 * 3)
def jagged() -> Any:
    offsets = torch.tensor([0, 128, 512])
    return torch.nested.nested_tensor_from_jagged(weight(), offsets)


@holds(NUM)
def quantised() -> Any:
    return torch.quantize_per_tensor(weight(), 0.1, 0, torch.quint8)


@holds(MIB)
def onednn() -> Any:
    return weight().to_mkldnn()


@holds(MIB)
def numpy() -> Any:
    return torch.from_numpy(np.ones((512, 512), np.float32))


@holds(MIB)
def parameter_of_numpy() -> Any:
    return OwnParameter(torch.from_numpy(np.ones((512, 512), np.float32)))


@holds(MIB)
def overlapping_numpy() -> Any:
    """Two halves and a bit of one array."""
    whole = np.ones(NUM, np.float32)
    return torch.from_numpy(whole[: NUM // 2 + 5]), torch.from_numpy(whole[NUM // 2 :])


@holds(MIB)
def numpy_of_torch() -> Any:
    made = weight()
    return made, torch.from_numpy(made.numpy())


@holds(4 * 512)
def expanded_numpy() -> Any:
    return torch.from_numpy(np.ones(512, np.float32)).expand(512, 512)


@holds(MIB)
def bytes_of_python() -> Any:
    return torch.frombuffer(bytearray(MIB), dtype=torch.float32)


@holds(MIB)
def anonymous_mapping() -> Any:
    return torch.frombuffer(mmap.mmap(-1, MIB), dtype=torch.float32)


@holds(MIB)
def mapped_file() -> Any:
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(MIB)
        return torch.from_file(file.name, shared=False, size=NUM)


@holds(MIB)
def shared_memory() -> Any:
    return weight().share_memory_()


@holds(MIB)
def view_of_much() -> Any:
    return weight()[:1, :1]


@holds(4)
def expanded() -> Any:
    return torch.ones(1).expand(NUM)


@holds(MIB)
def shared_storage() -> Any:
    made = weight()
    return made, made.T, nn.Parameter(made.detach())


@holds(MIB)
def of_another_thread() -> Any:
    made: list[Tensor] = []
    _in_a_thread(lambda: made.append(weight()))
    return made


@holds(MIB)
def thread_local() -> Any:
    place = threading.local()
    place.weight = weight()
    return place


@holds(MIB)
def uninitialised() -> Any:
    """A lazy module that has seen its input."""
    module = nn.LazyLinear(512, bias=False)
    module(torch.ones(1, 512))
    return module


@holds(4)
def stand_ins() -> Any:
    """Tensors without memory: of a compiler, on no device, of vmap beside the one it maps over."""
    of_vmap: list[Tensor] = []
    with FakeTensorMode():
        fake = torch.empty(512, 512)
    torch.vmap(lambda x: (of_vmap.append(x), x * 2)[1])(torch.ones(1, 1))
    return fake, torch.empty(512, 512, device="meta"), of_vmap


@holds(0)
def lost() -> Any:
    with contextlib.suppress(ZeroDivisionError):
        made = weight()
        return 1 / 0 * made
    return None
