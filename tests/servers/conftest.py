"""Fixtures for tests on a kernel."""

from tests.segment import segment as segment
