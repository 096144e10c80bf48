"""Operators around attention: upsampling, discrete choices, codebooks, contrastive losses."""
