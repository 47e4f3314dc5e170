"""Fixtures of the lab. Where it cannot play, or a peer is not installed, its tests skip and say why."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from alived.adapters.netns import adopt_orphans
from tests.lab.cluster import ClusterLab
from tests.lab.lab import Lab, has_peer, missing_tools


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing_tools()
    for item in items:
        if "lab" in item.path.parts and reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def make_lab() -> Iterator[Callable[..., Lab]]:
    """Builds labs that vanish after the test."""
    adopt_orphans()
    with contextlib.ExitStack() as undo:
        yield lambda *nodes, **options: undo.enter_context(Lab(*nodes, **options))


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """Two nodes and a client."""
    return make_lab("n1", "n2")


@pytest.fixture
def make_cluster_lab() -> Iterator[Callable[..., ClusterLab]]:
    """Builds networks for nodes that elect by Raft, which vanish after the test."""
    adopt_orphans()
    with contextlib.ExitStack() as undo:
        yield lambda *nodes, **options: undo.enter_context(ClusterLab(*nodes, **options))


@pytest.fixture
def cluster_lab(make_cluster_lab: Callable[..., ClusterLab]) -> ClusterLab:
    """Three nodes that elect by Raft, and a client."""
    return make_cluster_lab("n1", "n2", "n3")


@pytest.fixture
def peer(request: pytest.FixtureRequest) -> str:
    """The kind of a peer, by indirect parametrization."""
    kind: str = request.param
    if not has_peer(kind):
        pytest.skip(f"{kind} is not installed")
    return kind
