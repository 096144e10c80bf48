"""The instrument measured: `make selfcheck` runs every proof here, by hand, never in the tests.

    python -m benchmarks.simulated    false alarms and power on drawn noise
    python -m benchmarks.real         the same on samples of this machine
    python -m benchmarks.timer        work of known length: bias and overhead of the sampling
    python -m benchmarks.share        time spent measuring, and what starting costs

Each writes `benchmarks/results/<name>.csv` and a figure beside it. What they compare with comes
from the peers themselves where they can be installed: `pip install -e '.[selfcheck]'`.
"""
