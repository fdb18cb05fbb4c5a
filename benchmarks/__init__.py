"""Benchmarks, run from a checkout: throughput against PyTorch, and where the time of a step goes.

Each prints a table and writes JSON. PyTorch comes with the extra `bench`.
"""
