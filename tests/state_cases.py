"""Variants that keep their setting, and variants that leave it in each of the ways there are."""

PROBLEM = '''
from dataclasses import dataclass
import gc, os, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
import torch
from bench import Setting, variant
from bench.checking.operator import Operator

@dataclass(frozen=True)
class Square(Operator):
    """C = A A, (n, n)."""
    n: int = 256
    dtypes = ("float32", "bfloat16")
    input_names = ("a",)
    def draw(self, generator, setting):
        shape = (self.n, self.n)
        return (torch.randn(shape, generator=generator, dtype=torch.float32).to(setting.dtype),)
    def output_shape(self):
        return (self.n, self.n)
    def reference(self, operands, dtype):
        a = operands.tensors[0].detach().to(dtype).requires_grad_(operands.grad_output is not None)
        out = a @ a
        if operands.grad_output is None:
            return [out]
        return [out, *torch.autograd.grad(out, a, operands.grad_output.to(dtype))]

def product(tensors):
    return tensors[0] @ tensors[0]

def spin(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        torch.mm(BIG, BIG)

class Watching(torch.utils._python_dispatch.TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))

BIG = torch.ones(128, 128)
HELD = []  # what lives as long as the process
'''

# name: (how it is set up, words of the detail that it must be flagged with)
ACCUSED = {
    "threads_at_set_up": ("torch.set_num_threads(2)\nreturn product", "threads=2 where 1 was"),
    "threads_in_a_call": ("return lambda t: (torch.set_num_threads(2), product(t))[1]", "threads="),
    "threads_and_back": (
        """
def step(tensors):
    torch.set_num_threads(2)
    out = tensors[0] @ tensors[0]
    for _ in range(20):
        out = tensors[0] @ tensors[0]
    torch.set_num_threads(1)
    return out
return step""",
        "threads_ran=",
    ),
    "a_pool_does_it": (
        "pool = ThreadPoolExecutor(1)\n"
        "return lambda t: pool.submit(lambda: product((t[0].detach(),))).result()",
        "threads_ran=",
    ),
    "left_running": (
        "pool = ThreadPoolExecutor(1)\nreturn lambda t: (pool.submit(spin, 2e-4), product(t))[1]",
        "threads_ran=",
    ),
    "a_child_works": (
        'child = subprocess.Popen([sys.executable, "-c", "while True: pass"])\nreturn product',
        "threads_ran=",
    ),
    "a_grandchild_works": (
        'subprocess.run(["sh", "-c", "setsid sh -c \'while :; do :; done\' &"])\nreturn product',
        "threads_ran=",
    ),
    "fewer_cores": (
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nreturn product",
        "affinity=",
    ),
    "wider_by_default": (
        "torch.set_default_dtype(torch.float64)\nreturn product",
        "default_dtype=float64",
    ),
    "no_grad_left": (
        "torch.set_grad_enabled(not torch.is_grad_enabled())\nreturn product",
        "grad=",
    ),
    "inference_left": (
        "HELD.append(torch.inference_mode(True))\nHELD[0].__enter__()\nreturn product",
        "inference_mode=on",
    ),
    "precision_undeclared": (
        'torch.set_float32_matmul_precision("high")\nreturn product',
        '@variant(sets=["precision"])',
    ),
    "chosen_by_trial": (
        "torch.backends.cudnn.benchmark = True\nreturn product",
        "cudnn_benchmark=on",
    ),
    "no_mkldnn": ("torch.backends.mkldnn.enabled = False\nreturn product", "mkldnn_enabled=off"),
    "denormals": ("torch.set_flush_denormal(True)\nreturn product", "denormals_flushed=on"),
    "a_mode_left": (
        "HELD.append(Watching())\nHELD[0].__enter__()\nreturn product",
        "dispatch_modes=Watching",
    ),
    "nice": ("os.nice(1)\nreturn product", "nice="),
    "variable": (
        'os.environ["ONEDNN_MAX_CPU_ISA"] = "SSE41"\nreturn product',
        "ONEDNN_MAX_CPU_ISA=SSE41",
    ),
}
