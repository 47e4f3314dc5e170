"""alived beside keepalived and FRR, in both roles: the whole life of a VIP.

In each: the higher priority becomes master; the backup takes over after the master was killed, and not before its
Master_Down_Interval; the master comes back and preempts; it stops with priority 0, and the backup takes over without
waiting longer than it must. VIPs are judged by who answers ARP or ND.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from alived.cli.demo_daemons import InstanceText
from tests.lab.lab import (
    VIP4,
    VIP6,
    Lab,
    instance,
    instance6,
    master_down_interval_ns,
    skew_time_ns,
)

pytestmark = pytest.mark.lab

INTERVAL_S = {2: 1.0, 3: 0.1}
SETTLED_S = {2: 2.2, 3: 0.4}
"""Whoever believes to be master advertises at least twice within this."""
PRIORITY = {"n1": 150, "n2": 100}
GRAIN_NS = 12_000_000
"""FRR counts Skew_Time in whole centiseconds, downwards; frames are stamped a little after they are sent."""


def unicast_lines(lab: Lab, node: str, family: int) -> Sequence[str]:
    other = next(n for n in lab.nodes if n != node)
    own, peer = (lab.network.address(n, index=0 if family == 4 else 1) for n in (node, other))
    return [f"unicast_src_ip {own}", "unicast_peer {", f"  {peer}", "}"]


def instance_of(lab: Lab, node: str, version: int, family: int, unicast: bool) -> InstanceText:
    build = instance if family == 4 else instance6
    lines = unicast_lines(lab, node, family) if unicast else ()
    return build(PRIORITY[node], *lines, advert_int=INTERVAL_S[version])


def live(lab: Lab, kinds: Sequence[str], version: int, family: int, *, unicast: bool = False) -> None:
    vip = VIP4 if family == 4 else VIP6
    for node, kind in zip(lab.nodes, kinds):
        lab.start(node, instance_of(lab, node, version, family, unicast), kind=kind, version=version)
    settled_s = SETTLED_S[version]
    lab.until_owner("n1", vip, seconds=settled_s)

    lab.kill("n1")
    killed_ns = time.time_ns()
    lab.until(lambda: lab.adverts("n2", since_ns=killed_ns), "n2 takes over after the kill")
    silence_ns = lab.adverts("n2", since_ns=killed_ns)[0].time_ns - lab.adverts("n1")[-1].time_ns
    assert silence_ns >= master_down_interval_ns(PRIORITY["n2"], INTERVAL_S[version], version) - GRAIN_NS
    lab.until(lambda: lab.announcements("n2", vip, since_ns=killed_ns), "n2 announces the address")

    lab.network.reset_addresses("n1")
    lab.daemons["n1"].start()
    lab.until_owner("n1", vip, seconds=settled_s)

    lab.daemons["n1"].terminate()
    stopped_ns = time.time_ns()
    lab.until(lambda: lab.adverts("n2", since_ns=stopped_ns), "n2 takes over after the stop")
    goodbye = lab.adverts("n1")[-1]
    assert goodbye.priority == 0, lab.story()
    waited_ns = lab.adverts("n2", since_ns=stopped_ns)[0].time_ns - goodbye.time_ns
    assert waited_ns >= skew_time_ns(PRIORITY["n2"], INTERVAL_S[version], version) - GRAIN_NS
    lab.daemons["n1"].wait()
    lab.until_owner("n2", vip, seconds=settled_s)


FAMILIES = pytest.mark.parametrize(("version", "family"), [(2, 4), (3, 4), (3, 6)], ids=["v2", "v3", "v3-ipv6"])
PEERS = pytest.mark.parametrize("peer", ["keepalived", "frr"], indirect=True)


@PEERS
@FAMILIES
def test_alived_is_master_and_a_peer_backup(lab: Lab, peer: str, version: int, family: int) -> None:
    live(lab, ["alived", peer], version, family)


@PEERS
@FAMILIES
def test_a_peer_is_master_and_alived_backup(lab: Lab, peer: str, version: int, family: int) -> None:
    live(lab, [peer, "alived"], version, family)


@pytest.mark.parametrize("peer", ["keepalived"], indirect=True)
@FAMILIES
@pytest.mark.parametrize("alived_is", ["master", "backup"])
def test_unicast_with_a_peer(lab: Lab, peer: str, version: int, family: int, alived_is: str) -> None:
    kinds = ["alived", peer] if alived_is == "master" else [peer, "alived"]
    live(lab, kinds, version, family, unicast=True)


@FAMILIES
def test_alived_with_itself(lab: Lab, version: int, family: int) -> None:
    live(lab, ["alived", "alived"], version, family)
