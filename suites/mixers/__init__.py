"""Whole sequence-mixing layers at equal model width: what they cost, keep, and learn."""
