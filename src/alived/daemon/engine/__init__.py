"""The engine: the process that must never be late."""
