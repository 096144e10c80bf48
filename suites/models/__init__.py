"""Shared ground: networks and data that several suites train, and what kernels ask of a device."""
