"""What the surroundings really do to a worker: read and measured there, not guessed from names."""

from bench.workers.effective.answer import answer

__all__ = ["answer"]
