"""Ceilings: the most that a device does in a second, measured on the device at hand."""

from bench.machine.ceilings.roofline import (
    Bandwidth,
    Ceilings,
    ProductRate,
    Roofline,
    Timer,
    bound_of,
)

__all__ = ["Bandwidth", "Ceilings", "ProductRate", "Roofline", "Timer", "bound_of"]
