"""What each preset asks of attention. Torch-free: plain Python that names problems and axes."""

from math import isqrt

from bench import Axis, Plain, Sweep, Values, sweep

TOKENS = 16384  # batch x seqlen of the published FlashAttention tables
WIDTH = 2048  # num_heads x head_dim of the same

# What variants say of themselves (`@variant(marks=…)`). A new one without marks is in every sweep
# of its problem. Equal cases are kept once.
#   compiles  its every process compiles, for seconds
#   gpu       not for a CPU, which is told in one sweep
#   sdpa      a backend of torch's own operator
#   plain     the equation as it stands, and so with any mask
#   broad     beside others in sweeps of plain attention alone: what it tells, these tell
#   window    has sweeps of its own, with a window
#   pattern   made for one pattern of keys, beside the kernels that take any
#   variation another way of what is there, which smoke leaves out on a GPU
#   causal, whole  forms of linear attention for one mask alone

SMALL: dict[str, Axis] = {"batch": 1, "num_heads": 4, "head_dim": 64}  # two cores, one thread
SQUARES = (256, 1024, 1600)  # tokens whose root, a stride, divides them
# What takes any pattern beside the equation and is no faster for it, or compiles for seconds.
OTHER_KERNELS = ("compiles", "sdpa", "broad", "window")
BACKWARD: dict[str, Axis] = {"pass": "fwd_bwd"}
BOTH: dict[str, Axis] = {"pass": ("fwd", "fwd_bwd")}


def smoke(device: str) -> list[Sweep]:
    """Show every operator, dtype and pass, each at a few sizes."""
    if device == "cuda":
        return _shown()
    softmax = sweep("SoftmaxAttention", **SMALL)
    every = softmax.unmarked("compiles", "window")
    here = every.unmarked("gpu")
    return [
        every.at(seqlen=(256, 512, 1024)),
        # with an n x n matrix that malloc maps, and without one
        here.at(seqlen=1024, allocator="system").marked("sdpa"),
        softmax.at(seqlen=1024).marked("compiles"),
        # 16-bit products are emulated, fifty times slower, on many CPUs
        here.at(seqlen=512, dtype="bfloat16", **BOTH),
        here.at(seqlen=512, dtype="float16"),
        here.at(seqlen=512, num_kv_heads=2),
        softmax.at(seqlen=1024, window=128).unmarked("compiles", "gpu"),
        *_linear_here((256, 512, 1024)),
        *_patterns_shown(SMALL),
    ]


def quick(device: str) -> list[Sweep]:
    """Ask how softmax attention, linear attention and every pattern grow."""
    if device == "cuda":
        return [*_large((512, 1024, 2048, 4096, 8192)), *_patterns(GPU, (1024, 4096))]
    return [*_growth(SQUARES), *_patterns(SMALL, SQUARES)]


def standard(device: str) -> list[Sweep]:
    """Ask in the shape of the published tables, up to 16k tokens."""
    return [*_published((64, 128), ("bfloat16",)), *_patterns(GPU, (1024, 4096, 16384))]


def full(device: str) -> list[Sweep]:
    """Ask for every head_dim and 16-bit dtype."""
    published = _published((64, 128, 256), ("bfloat16", "float16"))
    return [*published, *_patterns(GPU, (1024, 4096, 16384))]


def _growth(seqlens: tuple[int, ...]) -> list[Sweep]:
    """Ask on a CPU how time and memory grow with length."""
    softmax = sweep("SoftmaxAttention", **SMALL, rounds=4).unmarked("window")
    here = softmax.unmarked("compiles", "gpu")
    return [
        softmax.at(seqlen=seqlens[0]).unmarked("compiles"),
        here.at(seqlen=seqlens),
        here.at(seqlen=seqlens[-2], **BACKWARD),
        here.at(seqlen=seqlens[0], dtype="bfloat16", **BOTH),
        softmax.at(seqlen=seqlens[-1]).marked("compiles"),
        *_linear_here(seqlens, rounds=4),
    ]


def _linear(shape: dict[str, Axis], seqlens: tuple[int, ...], **axes: Axis) -> list[Sweep]:
    """Set each form of linear attention against the product of n x n it replaces."""
    return [
        sweep("LinearAttention", **shape, seqlen=seqlens, causal=False, **axes).unmarked("causal"),
        sweep("LinearAttention", **shape, seqlen=seqlens, causal=True, **axes).unmarked("whole"),
    ]


def _linear_here(seqlens: tuple[int, ...], **axes: Axis) -> list[Sweep]:
    """Ask the same on a CPU, and tell once what is not for one."""
    told = sweep("LinearAttention", **SMALL, seqlen=seqlens[-1], causal=True).marked("gpu")
    return [*(s.unmarked("gpu") for s in _linear(SMALL, seqlens, **axes)), told]


def _patterns_shown(shape: dict[str, Axis]) -> list[Sweep]:
    """Show every pattern once, at few rounds: as the equation stands, and in its own form."""
    few: dict[str, Axis] = {**shape, "rounds": 3}
    own = [s.marked("plain", "pattern").unmarked("gpu") for s in _sparse(few, (1024,))]
    return [
        *own,
        sweep("QKNormAttention", **few, seqlen=1024, spread=30.0).marked("plain"),
        sweep("AlibiAttention", **few, seqlen=512).marked("plain"),
        sweep("SoftcapAttention", **few, seqlen=512).marked("plain"),
        sweep("LearnedSinkAttention", **few, seqlen=512).marked("plain"),
        sweep("EfficientAttention", **few, seqlen=1024),
        *(s.marked("plain") for s in _decode(few, (4096,))),
    ]


def _patterns(shape: dict[str, Axis], seqlens: tuple[int, ...]) -> list[Sweep]:
    """Ask what patterns cost beside softmax attention, and how sparse ones grow."""
    few: dict[str, Axis] = {**shape, "rounds": 4}
    contexts = tuple(4 * n for n in seqlens)
    scored = [sweep(name, **few, seqlen=seqlens[1], **axes) for name, axes in _scored().items()]
    return [
        *(s.unmarked(*OTHER_KERNELS, "gpu", "plain") for s in _sparse(few, seqlens)),
        *(s.unmarked(*OTHER_KERNELS) for s in _sparse(few, seqlens[-1:])),
        *(s.unmarked("compiles", "gpu", "broad") for s in scored),
        sweep("QKNormAttention", **few, seqlen=seqlens[1]).marked("gpu"),
        sweep("SoftmaxAttention", **few, seqlen=seqlens, window=64).marked("window"),
        sweep("SoftmaxAttention", **few, seqlen=seqlens[-1], window=64).marked("plain"),
        sweep("EfficientAttention", **few, seqlen=seqlens),
        *_crossing(few, (seqlens[0] // 4, *seqlens)),
        *(s.unmarked("compiles", "gpu", "window", "broad") for s in _decode(few, contexts)),
    ]


def _sparse(shape: dict[str, Axis], seqlens: tuple[int, ...]) -> list[Sweep]:
    """Ask for strides of sqrt(S), at which both parts of Child et al. cost alike."""
    return [
        sweep("StridedAttention", **shape, seqlen=seqlens, stride=_root),
        sweep("LocalStridedAttention", **shape, seqlen=seqlens, stride=_root),
        sweep("FixedAttention", **shape, seqlen=seqlens, stride=_root),
        sweep("SinkAttention", **shape, seqlen=seqlens[-1], window=64),
        sweep("PackedAttention", **{**shape, "batch": 1}, seqlen=seqlens[-1]),
    ]


def _scored() -> dict[str, dict[str, Axis]]:
    return {
        "QKNormAttention": {"spread": 30.0},
        "AlibiAttention": {},
        "SoftcapAttention": {},
        "LearnedSinkAttention": {},
    }


def _crossing(shape: dict[str, Axis], seqlens: tuple[int, ...]) -> list[Sweep]:
    """Ask from which length on linear attention is faster, by head_dim at one width."""
    narrow: dict[str, Axis] = {**shape, "head_dim": 32, "num_heads": _twice_the_heads(shape)}
    found = []
    for heads in (narrow, shape):
        softmax = sweep("SoftmaxAttention", **heads, seqlen=seqlens, causal=False)
        found.append(softmax.unmarked("compiles", "gpu", "window", "broad"))
        linear = sweep("LinearAttention", **heads, seqlen=seqlens, causal=False)
        found.append(linear.marked("whole"))
    return found


def _twice_the_heads(shape: dict[str, Axis]) -> Axis:
    heads = shape["num_heads"]
    return 2 * heads if isinstance(heads, int) else heads  # a function sees head_dim itself


def _decode(shape: dict[str, Axis], contexts: tuple[int, ...]) -> list[Sweep]:
    """Ask for one token after others: what is moved is the cache, of all heads or of one."""
    several: dict[str, Axis] = {**shape, "batch": 1, "num_heads": 8}
    decoding = sweep("SoftmaxAttention", **several, seqlen_q=1)
    return [
        decoding.at(seqlen_kv=contexts, num_kv_heads=8),
        decoding.at(seqlen_kv=contexts[-1], num_kv_heads=1),
    ]


def _shown() -> list[Sweep]:
    """Show softmax and linear attention on a GPU, where an attempt costs a second by itself."""
    shape: dict[str, Axis] = {**GPU, "rounds": 3}
    softmax = sweep("SoftmaxAttention", **shape)
    every = softmax.unmarked("compiles", "window")
    return [
        every.at(seqlen=1024),
        every.at(seqlen=4096, **BOTH),
        softmax.at(seqlen=4096, window=256).marked("compiles", "plain", "window"),
        *(s.unmarked("variation") for s in _linear(shape, (4096,))),
    ]


def _large(seqlens: tuple[int, ...]) -> list[Sweep]:
    """Fit a GPU: the published shape at head_dim 64, in bfloat16, and a little of the rest."""
    last = seqlens[-1]
    return [
        sweep("SoftmaxAttention", **GPU, seqlen=seqlens, **BOTH).unmarked("window"),
        sweep("SoftmaxAttention", **GPU, seqlen=last, causal=False).unmarked("window"),
        sweep("SoftmaxAttention", **GPU, seqlen=last, num_kv_heads=8).unmarked("window"),
        sweep("SoftmaxAttention", **GPU, seqlen=last, window=256),
        *_linear(GPU, seqlens),
    ]


def _published(head_dims: tuple[int, ...], dtypes: tuple[str, ...]) -> list[Sweep]:
    seqlens = (512, 1024, 2048, 4096, 8192, 16384)
    shape: dict[str, Axis] = {
        "batch": _batch,
        "num_heads": _num_heads,
        "head_dim": head_dims,
        "dtype": dtypes,
    }
    softmax = sweep("SoftmaxAttention", **shape)
    return [
        softmax.at(seqlen=seqlens, causal=(False, True), **BOTH).unmarked("window"),
        softmax.at(seqlen=seqlens, num_kv_heads=_num_kv_heads).unmarked("window"),
        softmax.at(seqlen=seqlens[1:], window=256),
        softmax.at(seqlen=seqlens[2:], window=1024),
        *_linear(shape, seqlens, **BOTH),
    ]


def _batch(values: Values) -> Plain:
    return max(TOKENS // _whole(values["seqlen"]), 1)


def _root(values: Values) -> Plain:
    return isqrt(_whole(values["seqlen"]))


def _num_heads(values: Values) -> Plain:
    return WIDTH // _whole(values["head_dim"])


def _num_kv_heads(values: Values) -> Plain:
    return WIDTH // _whole(values["head_dim"]) // 4


def _whole(value: Plain) -> int:
    if not isinstance(value, int):
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


GPU: dict[str, Axis] = {
    "batch": _batch,
    "num_heads": _num_heads,
    "head_dim": 64,
    "dtype": "bfloat16",
}
