"""Simulated routers: the real cores on a simulated clock and network, by seed.

`python -m tests.simulation --seed 7 --routers 3` tells one story; `--count 100000` runs as many seeds.
"""
