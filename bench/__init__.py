"""The benchmark: keepalived and alived side by side, in the same run, on the same machine (README.md)."""
