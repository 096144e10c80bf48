"""A user's own diffusers pipeline or model folder, as the denoiser of the ground `model`."""
