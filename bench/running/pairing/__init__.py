"""Two sides measured interleaved on the same machine now; their rounds are pairs."""
