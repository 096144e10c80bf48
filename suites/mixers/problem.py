"""What is asked of every mixer: a layer, the next token, and to learn. S seqlen, W width."""

from suites.mixers.decoding import Decoding
from suites.mixers.layer import Layer
from suites.mixers.mixing import Contestant, Mixing
from suites.mixers.tasks import AssociativeRecall, SelectiveCopying, TextLearning

__all__ = [
    "AssociativeRecall",
    "Contestant",
    "Decoding",
    "Layer",
    "Mixing",
    "SelectiveCopying",
    "TextLearning",
]
