"""What a reload does to the addresses of groups elected by Raft, as `alived plan` says it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from alived.config.model import Config, RaftGroup
from alived.config.outlook_leases import outlook_of_leases
from alived.owner import Startup
from alived.vip.ownership import Ownership
from alived.vip.ownership_events import Leased, OwnershipConfig, OwnershipSnapshot
from tests.daemon.engine.engine_play import address
from tests.daemon.engine.owned_play import by_hooks, group, owned_config

A, B, C = "192.0.2.100", "192.0.2.101", "192.0.2.102"
WEB, DB = group("web", A), group("db", B)


def states(**owned: bool) -> dict[str, OwnershipSnapshot]:
    found = {}
    for name, owns in owned.items():
        core = Ownership(OwnershipConfig(name=name, priority=100, hook_limits={}))
        core.step(Startup(), 0)
        if owns:
            core.step(Leased(10, 7, "elected"), 0)
        found[name] = core.snapshot()
    return found


def said(
    old: Sequence[RaftGroup], new: Sequence[RaftGroup], known: dict[str, OwnershipSnapshot] | None = None
) -> list[str]:
    return [
        str(one).removeprefix("192.0.2.") for one in outlook_of_leases(owned_config(*old), owned_config(*new), known)
    ]


def test_nothing_is_said_of_what_stays() -> None:
    other = msgspec.structs.replace(WEB, raft=msgspec.structs.replace(WEB.raft, nopreempt=True))
    assert said([WEB, DB], [other, DB]) == []
    assert outlook_of_leases(Config(), Config()) == ()


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (None, "if this node owns web: bound and announced at once, this node owns web"),
        (states(web=True), "bound and announced at once, this node owns web"),
        (states(web=False), "bound here when the cluster gives web to this node"),
    ],
)
def test_an_address_more(known: dict[str, OwnershipSnapshot] | None, sentence: str) -> None:
    assert said([WEB], [group("web", A, B)], known) == [f"101/32 dev eth0 new: {sentence}"]


def test_a_group_comes() -> None:
    assert said([WEB], [WEB, DB], states(web=True)) == [
        "101/32 dev eth0 new: bound here when the cluster gives db to this node"
    ]


def test_an_address_or_a_group_goes() -> None:
    gone = "100/32 dev eth0 gone: taken away from this node:"
    assert said([WEB], [], states(web=True)) == [f"{gone} web is removed"]
    assert said([WEB], [group("web", B)], states(web=True))[0] == f"{gone} web has it no more"
    assert said([WEB], [by_hooks(WEB)], states(web=True)) == [f"{gone} hooks bind the addresses of web from now on"]
    assert said([WEB], [], states(web=False)) == []


def test_attributes_differ() -> None:
    labelled = group("web", address(A, label="eth0:1"))
    again = "100/32 dev eth0 interrupted: taken away and bound again at once: its attributes differ"
    assert said([WEB], [labelled], states(web=True)) == [again]
    assert said([WEB], [labelled], states(web=False)) == []


MOVED = [group("web"), group("db", B, A)]


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (None, "kept: if this node owns db: from web to db: announced again"),
        (states(web=True, db=True), "kept: from web to db: announced again"),
        (
            states(web=True, db=False),
            "interrupted: web gives it to db, which the cluster has not given to this node",
        ),
        (states(web=False, db=True), "new: bound and announced at once, this node owns db"),
        (states(web=False, db=False), "new: bound here when the cluster gives db to this node"),
    ],
)
def test_an_address_changes_its_group(known: dict[str, OwnershipSnapshot] | None, sentence: str) -> None:
    assert said([WEB, DB], MOVED, known) == [f"100/32 dev eth0 {sentence}"]


def test_an_address_changes_its_group_and_its_attributes() -> None:
    moved = [group("web"), group("db", B, address(A, label="eth0:1"))]
    assert said([WEB, DB], moved, states(web=True, db=True)) == [
        "100/32 dev eth0 interrupted: from web to db; bound anew, since its attributes differ"
    ]
