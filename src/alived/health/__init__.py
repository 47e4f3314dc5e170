"""Checks and trackers: what is healthy. This package decides; adapters probe."""
