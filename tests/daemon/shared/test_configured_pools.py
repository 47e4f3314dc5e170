"""Which pools a configuration has, and whose verdicts they hear."""

from __future__ import annotations

from alived.base import Family
from alived.config.model import Config, PoolMember, Service
from alived.config.services.names import named_services
from alived.daemon.shared.configured_pools import Listener, configured_pools, server_scripts
from alived.daemon.shared.tracked import times_to_confirm, tracked_files, trackers_of
from alived.health.config import BfdCheck, FileCheck
from alived.health.trackers_config import TrackFile, Weight
from alived.hooks.config import NotifyScripts, Script
from alived.lvs.config import Endpoint, Fwmark, GroupName, Protocol, RealServer, VirtualServer
from alived.lvs.config import Service as What
from tests.daemon.checked import checking, tcp

UP, DOWN = Script(argv=("/up",)), Script(argv=("/down",))
SERVER = RealServer(endpoint=Endpoint("10.0.0.7", 80), family=Family.IPV4)


def service(what: What, *pool: PoolMember, protocol: Protocol | None = Protocol.TCP) -> Service:
    return Service(virtual_server=VirtualServer(service=what, family=Family.IPV4, protocol=protocol), pool=pool)


def test_names_are_keepaliveds_and_no_key_is_there_twice() -> None:
    web = Endpoint("10.0.0.1", 80)
    config = Config(
        virtual_servers=(
            service(web),
            service(web, protocol=Protocol.UDP),
            service(web),
            service(Fwmark(5, Family.IPV4), protocol=None),
            service(Fwmark(5, Family.IPV6), protocol=None),
            service(GroupName("g")),
            service(GroupName("h")),
            service(GroupName("g"), protocol=Protocol.UDP),
        )
    )
    assert {key: named.name for key, named in named_services(config).items()} == {
        "[10.0.0.1]:tcp:80": "[10.0.0.1]:tcp:80",
        "[10.0.0.1]:udp:80": "[10.0.0.1]:udp:80",
        "[10.0.0.1]:tcp:80 2": "[10.0.0.1]:tcp:80",
        "FWM 5": "FWM 5",
        "FWM 5 2": "FWM 5",
        "[g]:0": "[g]:0",
        "[h]:0": "[h]:0",
        "[g]:1": "[g]:1",
    }


def test_whose_verdicts_count() -> None:
    files = (FileCheck(track_file="f"), FileCheck(track_file="f", weight=Weight(0)))
    checks = (tcp(80, alpha=True), *files, BfdCheck(name="b"), tcp(81))
    pool = PoolMember(server=SERVER, checks=checks)
    named = checking(web=tcp(1))
    config = Config(
        checks=named.checks,
        track_files=(TrackFile(name="f", path="/f", weight=Weight(3)),),
        virtual_servers=(service(Endpoint("10.0.0.1", 80), pool),),
    )
    found = configured_pools(config)
    key, where = "[10.0.0.1]:tcp:80", "10.0.0.1:80 10.0.0.7:80"
    (member,) = found.pools[key].members
    assert member.name == "[10.0.0.7]:tcp:80"
    assert [(check.name, check.alpha, check.told_at_once) for check in member.checks] == [
        (f"{where} TCP_CHECK", True, False),
        (f"{where} TCP_CHECK 2", False, False),
        (f"{where} FILE_CHECK f", False, True),
        (f"{where} FILE_CHECK f 2", False, True),
    ]
    assert found.listeners == {
        f"check {where} TCP_CHECK": [Listener(key, f"{where} TCP_CHECK")],
        f"check {where} TCP_CHECK 2": [Listener(key, f"{where} TCP_CHECK 2")],
        "file f": [
            Listener(key, f"{where} FILE_CHECK f", Weight(3)),
            Listener(key, f"{where} FILE_CHECK f 2", Weight(0)),
        ],
    }


def test_a_file_that_only_a_real_server_needs_is_watched() -> None:
    pool = PoolMember(server=SERVER, checks=(FileCheck(track_file="f"),))
    files = (TrackFile(name="f", path="/f", weight=Weight(3)), TrackFile(name="g", path="/g"))
    config = Config(track_files=files, virtual_servers=(service(Endpoint("10.0.0.1", 80), pool),))
    assert list(tracked_files(config)) == ["f"]
    assert trackers_of(config) == {"file f": [("10.0.0.1:80 10.0.0.7:80", Weight(3))]}


def test_who_cannot_ask_must_not_empty_a_pool() -> None:
    pool = PoolMember(server=SERVER, checks=(tcp(80),))
    named = checking(web=tcp(1))
    config = Config(checks=named.checks, virtual_servers=(service(Endpoint("10.0.0.1", 80), pool),))
    times = times_to_confirm(config)
    assert times.pop("check web")
    assert times == {"check 10.0.0.1:80 10.0.0.7:80 TCP_CHECK": None}


def test_scripts() -> None:
    pool = PoolMember(server=SERVER, notify_up=UP)
    one = service(Endpoint("10.0.0.1", 80), pool)
    config = Config(virtual_servers=(Service(virtual_server=one.virtual_server, pool=one.pool, quorum_down=DOWN),))
    assert server_scripts(config) == {
        ("VS", "[10.0.0.1]:tcp:80"): NotifyScripts(down=DOWN),
        ("RS", "[10.0.0.7]:tcp:80 of [10.0.0.1]:tcp:80"): NotifyScripts(up=UP),
    }
