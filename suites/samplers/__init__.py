"""Samplers: (data, denoiser, budget of network evaluations) x solver."""
