"""What is measured: one package a suite, one file a way of doing it."""
