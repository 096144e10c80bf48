"""Shape: the sizes of a transformer that memory, traffic and products follow from. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass, replace

# A layer has 12 dim^2 weights: 4 of attention, 8 of a feed-forward four times as wide.
WEIGHTS_A_LAYER = 12
# GPT-3 of 175 B parameters (Brown et al. 2020, arXiv:2005.14165, table 2.1): 96 layers of 12288,
# heads of 128. Where only a number of parameters is known, its proportions are taken.
DIM_A_LAYER = 128
HEAD_DIM = 128


@dataclass(frozen=True)
class Shape:
    """Sizes of a model; fractions are fine, since a plan asks what would fit between two models.

    `outside` are parameters of no layer: embeddings and head. `vocab_size` is 0 where unknown.
    """

    num_parameters: float
    num_layers: float
    dim: float
    num_heads: float
    outside: float = 0.0
    vocab_size: float = 0.0
    told: str = ""  # where the sizes are from, in words

    @property
    def layer_parameters(self) -> float:
        """Return the parameters of one layer."""
        return (self.num_parameters - self.outside) / self.num_layers

    def of_size(self, num_parameters: float) -> Shape:
        """Return a model of other size in the same proportions: deeper and wider alike."""
        by = (num_parameters / self.num_parameters) ** (1 / 3)
        return replace(
            self,
            num_parameters=num_parameters,
            num_layers=self.num_layers * by,
            dim=self.dim * by,
            num_heads=self.num_heads * by,
            outside=self.outside * by**3,
        )

    def product_flops(self, num_tokens: float, seqlen: float) -> float:
        """Count the products of a training step: 6 a parameter and token, and attention.

        Narayanan et al. 2021 (arXiv:2104.04473), section 5.1, where nothing is computed twice:
        attention adds 12 x layers x dim x seqlen a token, half of it where later tokens are hidden;
        hidden they are, as here.
        """
        weights = self.num_parameters - self.outside + self.vocab_size * self.dim  # one head
        return num_tokens * (6 * weights + 6 * self.num_layers * self.dim * seqlen)


def gpt_of(num_parameters: float) -> Shape:
    """Return a GPT in GPT-3's proportions, without its embeddings."""
    layers = (num_parameters / (WEIGHTS_A_LAYER * DIM_A_LAYER**2)) ** (1 / 3)
    dim = DIM_A_LAYER * layers
    told = f"as of a GPT in GPT-3's proportions: {layers:.0f} layers of {dim:.0f}, heads of 128"
    return Shape(num_parameters, layers, dim, dim / HEAD_DIM, told=told)
