"""Finding variants and listing cases.

Runs in short-lived forks that import suites; builds on checking and state.
"""
