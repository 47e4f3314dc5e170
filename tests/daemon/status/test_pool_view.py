"""What the status says of virtual servers."""

from __future__ import annotations

from typing import Any

import click

from alived.base import NS_PER_S, Family
from alived.cli.status_pools import pool_lines
from alived.config.model import Config, Service
from alived.daemon.parent.pools import Pools
from alived.daemon.shared.configured_checks import configured_checks
from alived.daemon.status.pool_view import virtual_servers
from alived.daemon.status.view import Clock
from alived.health.check_events import CheckSuspended
from alived.health.checker import Checker
from alived.lvs.config import Endpoint, Protocol, VirtualServer
from alived.lvs.pool import Pool
from alived.lvs.pool_events import PoolConfig, PoolStarted, VerdictHeard
from tests.daemon.checked import pool, tcp
from tests.lvs.pool_play import SORRY, member

NOW = 100 * NS_PER_S
A, B = member("a", "a/1", weight=3), member("b", "b/1", "b/2")


def shown(*heard: VerdictHeard, started: bool = True, **virtual: Any) -> dict[str, Any]:
    """Verdicts come two seconds before."""
    server = VirtualServer(
        service=Endpoint("192.0.2.1", 80), family=Family.IPV4, protocol=Protocol.TCP, **({"quorum": 3} | virtual)
    )
    name = "[192.0.2.1]:tcp:80"
    pool = Pool(PoolConfig(name=name, virtual_server=server, members=(A, B)), NOW - 60 * NS_PER_S)
    if started:
        pool.step(PoolStarted(), NOW - 60 * NS_PER_S)
    for verdict in heard:
        pool.step(verdict, NOW - 2 * NS_PER_S)
    config = Config(virtual_servers=(Service(virtual_server=server, pool=()),))
    (one,) = virtual_servers(config, {name: pool.snapshot()}, {}, Clock(NOW, 1000.0))
    return one


def lines(one: dict[str, Any]) -> list[str]:
    return [click.unstyle(line) for line in pool_lines(one)]


def down(check: str) -> VerdictHeard:
    return VerdictHeard(check=check, up=False, reason=f"{check} failed: refused")


def test_all_is_well() -> None:
    one = shown()
    assert lines(one) == [
        "virtual server [192.0.2.1]:tcp:80  up for 1 min 0 s: "
        "the weights of the real servers that are up sum to 4, enough for quorum 3: at the start",
        "    2 of 2 real servers are up with weight 4, quorum 3",
        "    192.0.2.97:80  up for 1 min 0 s, weight 3: none of its checks has failed",
        "    192.0.2.98:80  up for 1 min 0 s, weight 1: none of its checks has failed",
    ]
    assert (one["service"], one["protocol"], one["sorry_server"]) == ("192.0.2.1:80", "TCP", None)
    assert one["real_servers"][0]["pool_weight"] == 3


def test_what_failed_is_said_once() -> None:
    one = shown(down("b/1"), down("b/2"), VerdictHeard(check="a/1", up=True, reason="exit 9", weight=7), hysteresis=1)
    assert lines(one)[1:] == [
        "    1 of 2 real servers are up with weight 7, quorum 3, hysteresis 1",
        "    192.0.2.97:80  up for 1 min 0 s, weight 7 (its own is 3): none of its checks has failed",
        "    192.0.2.98:80  down for 2.0 s, weight 1: b/1 failed: refused",
        "        b/2 failed: refused",
    ]
    assert one["real_servers"][1]["failed_checks"] == [
        {"name": "b/1", "reason": "b/1 failed: refused"},
        {"name": "b/2", "reason": "b/2 failed: refused"},
    ]
    assert one["real_servers"][1]["pool_weight"] is None


def test_a_sorry_server_that_serves_is_loud() -> None:
    one = shown(down("a/1"), sorry_server=SORRY)
    assert one["state"] == "down"
    assert one["sorry_server_serves"]
    assert lines(one)[2] == "    the sorry server 192.0.2.200:80 serves"
    assert [server["pool_weight"] for server in one["real_servers"]] == [None, None]


def test_one_that_waits_is_unknown() -> None:
    assert shown(started=False)["state"] == "unknown"


def test_one_that_has_no_pool_yet_is_not_shown() -> None:
    server = VirtualServer(service=Endpoint("192.0.2.1", 80), family=Family.IPV4)
    config = Config(virtual_servers=(Service(virtual_server=server, pool=()),))
    assert virtual_servers(config, {}, {}, Clock(NOW, 1000.0)) == []


def test_one_whose_address_is_elsewhere() -> None:
    check = tcp(80)
    checker = Checker("TCP_CHECK", check, 0, 0.0)
    checker.step(CheckSuspended(True), 0)
    settings = pool(check)
    pools = Pools(settings, lambda change: None, lambda change: None, lambda verdict: None, lambda *line: None)
    pools.begin()
    (name,) = configured_checks(settings)
    (one,) = virtual_servers(settings, pools.snapshots(), {name: checker.snapshot()}, Clock(NOW, 1000.0))
    assert one["suspended"]
    assert lines(one)[2] == "    its address is not on this machine, so its servers are not asked (ha_suspend)"
