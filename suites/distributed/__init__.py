"""Data-parallel training: one whole step on N ranks, by strategy; and the collectives below it."""
