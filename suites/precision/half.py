"""Where float16 cannot be trained in a time worth waiting for."""

from bench import Setting, Unsupported
from suites.precision.problem import Training


def expect_trainable(problem: Training, setting: Setting) -> None:
    """Raise Unsupported for convolutions in float16 on a CPU."""
    if problem.convolutional and setting.device.type == "cpu":
        raise Unsupported(
            "float16 convolutions train about 100 times slower than float32 ones on a CPU: left out"
        )
