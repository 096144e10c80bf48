"""The contexts whose RoPE base is computed. Torch-free: claims and charts count by them."""

CONTEXTS = (256, 512, 1024, 2048, 4096)
