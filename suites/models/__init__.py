"""Shared ground: models and data that more than one suite measures; no suite of its own."""
