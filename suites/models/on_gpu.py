"""What kernels of other libraries ask for before they are imported: a GPU, and a dtype."""

import torch

from bench import Setting, Unsupported

HALVES = (torch.float16, torch.bfloat16)
UP_TO_FLOAT32 = (*HALVES, torch.float32)


def expect_gpu(
    setting: Setting,
    *generations: int,
    dtypes: tuple[torch.dtype, ...] = HALVES,
) -> None:
    """Raise `Unsupported` without a GPU of one of these major generations, or in another dtype."""
    if setting.device.type != "cuda":
        raise Unsupported(f"needs a CUDA device, got {setting.device.type}")
    major = torch.cuda.get_device_capability(setting.device)[0]
    if generations and major not in generations:
        known = " or ".join(f"{generation}.x" for generation in generations)
        raise Unsupported(f"needs compute capability {known}, got {major}.x")
    if setting.dtype not in dtypes:
        known = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        raise Unsupported(f"needs {known}, got {str(setting.dtype).removeprefix('torch.')}")
