"""Benchmarks, run from a checkout: throughput against PyTorch, single convolutions, where the time of a step goes.

Each prints a table; `throughput` also writes JSON. PyTorch comes with the extra `bench`.
"""
