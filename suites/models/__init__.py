"""Shared ground: the networks and data that several suites train. No suite by itself."""
