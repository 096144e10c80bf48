"""Which GPUs of NVML's are torch's `cuda:0`, `cuda:1`, …; without asking torch."""

from __future__ import annotations

from collections.abc import Mapping


class NotVisible(ValueError):
    """A GPU of torch's has no equal in NVML; the message says why."""


def nvml_names(numbers: list[int], environment: Mapping[str, str]) -> list[str]:
    """Return NVML's number or UUID of each of torch's devices; NotVisible where there is none.

    Both count alike only in the order of the bus, which workers are told to use; see
    https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables.
    """
    order = environment.get("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    if order != "PCI_BUS_ID":
        raise NotVisible(f"expected CUDA_DEVICE_ORDER=PCI_BUS_ID, got {order}")
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [str(number) for number in numbers]
    names = [name.strip() for name in visible.split(",")]
    return [_name(names, number) for number in numbers]


def _name(names: list[str], number: int) -> str:
    if number >= len(names):
        raise NotVisible(f"CUDA_VISIBLE_DEVICES has no device {number}")
    name = names[number]
    if name.startswith("MIG"):
        raise NotVisible("cuda devices are MIG slices, and NVML's readings are of whole GPUs")
    return name
