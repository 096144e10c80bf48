"""Changes planted in the suites' own code, and the words in which a comparison has to name them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Edit:
    """Text of a file replaced by another; `case` is a part of the id of a case that it changes."""

    what: str
    path: str
    old: str
    new: str
    case: str
    words: str

    def plant(self, root: Path) -> None:
        """Change a checkout; ValueError where the text is not there once."""
        path = root / self.path
        text = path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.path}: expected {self.old!r} once, got {text.count(self.old)}")
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Asked:
    """Edits that one `bench ab` is to find, and the words that ask for their cases."""

    words: tuple[str, ...]
    edits: tuple[Edit, ...]


_SMALL = ("--set", "seqlen=128", "--set", "num_heads=2", "--set", "dtype=float32")

PLANTED = (
    Asked(
        ("attention/linear", "--set", "causal=false", "--set", "compiled=false", *_SMALL),
        (
            Edit(
                "an extra kernel",
                "suites/attention/linear.py",
                "        features = phi(q)\n        return",
                "        features = phi(q) * 1.0\n        return",
                "attention/linear",
                "+1 mul float32",
            ),
        ),
    ),
    Asked(
        (
            *("attention/math", "attention/sdpa_flash", "-k", "SoftmaxAttention"),
            *("--set", "compiled=false,true", "--set", "pass=fwd", *_SMALL),
        ),
        (
            Edit(
                "a lost fusion",
                "suites/attention/math.py",
                "    return compiled_if(compiled, step)",
                "    return step",
                "attention/math[compiled=True]",
                "compiled → eager",
            ),
            Edit(
                "a mask built inside of the step",
                "suites/attention/math.py",
                "logits_BHSS.masked_fill(hidden, -torch.inf)",
                "logits_BHSS.masked_fill(~problem.mask(setting.device), -torch.inf)",
                "attention/math[compiled=False]",
                "+3 arange int64",
            ),
            Edit(
                "a slower backend",
                "suites/attention/sdpa.py",
                'force(SDPBackend.FLASH_ATTENTION, "flash_attention", problem, setting)',
                'force(SDPBackend.MATH, "attention_math", problem, setting)',
                "attention/sdpa_flash",
                "attention: flash → math",
            ),
        ),
    ),
    Asked(
        ("precision/bf16_autocast", "precision/fp32", "-k", "GPT", "--set", "seqlen=32"),
        (
            Edit(
                "another dtype",
                "suites/precision/bf16_autocast.py",
                "compute=torch.bfloat16",
                "compute=torch.float32",
                "precision/bf16_autocast",
                "float32 where bfloat16 was",
            ),
            Edit(
                "a read by the host",
                "suites/precision/policy.py",
                '        yield "forward"\n',
                '        loss.item()\n        yield "forward"\n',
                "precision/fp32",
                "+1 read by the host a call (_local_scalar_dense)",
            ),
        ),
    ),
    Asked(
        ("distributed/ddp", "--set", "seqlen=32"),
        (
            Edit(
                "a doubled all-reduce",
                "suites/distributed/ddp.py",
                "    @staticmethod\n    def predicted_bytes",
                "    def backward(self, found):\n"
                "        super().backward(found)\n"
                "        import torch.distributed as dist\n"
                "        for weight in self.network.parameters():\n"
                "            dist.all_reduce(weight.grad)\n"
                "            weight.grad /= dist.get_world_size()\n\n"
                "    @staticmethod\n    def predicted_bytes",
                "distributed/ddp",
                "collectives became",
            ),
        ),
    ),
    Asked(
        ("mixers/attention", "-k", "Layer", "--set", "compiled=true", "--set", "seqlen=64"),
        (
            Edit(
                "a graph break",
                "suites/mixers/attention.py",
                "        parts = qkv_BSX.unflatten",
                "        torch._dynamo.graph_break()\n        parts = qkv_BSX.unflatten",
                "mixers/attention[form=fused,compiled=True]",
                "graph break",
            ),
        ),
    ),
)
EDITS = tuple(edit for asked in PLANTED for edit in asked.edits)
