"""What the process tests start from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.processes import Daemon
from tests.segment import segment as segment


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with contextlib.closing(Daemon(tmp_path)) as daemon:
        yield daemon
