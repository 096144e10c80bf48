"""Clocks, samples and the inner loop.

Runs in workers; builds on cases.
"""
