"""The pools in the parent: verdicts of the worker go in, changes for scripts, pipes and receivers come out."""

from __future__ import annotations

from typing import Any

import msgspec

from alived.base import Family
from alived.config.model import Config, GlobalDefs, PoolMember, Service
from alived.daemon.parent.pools import Pools
from alived.daemon.shared.messages import ServerChanged, TrackerVerdict
from alived.health.checks_config import CombinedCheck, CombinedMember
from alived.health.config import AnyCheck, FileCheck
from alived.health.trackers_config import Tracked, TrackerKind, TrackFile, Tracking, Weight
from alived.lvs.config import Endpoint, Protocol, RealServer, VirtualServer
from alived.lvs.daemon_config import LvsDefaults
from tests.daemon.checked import tcp
from tests.daemon.tracked_scripts import tracked as scripted

FILE = TrackFile(name="load", path="/run/load", weight=Weight(2))


def service(*pool: PoolMember, address: str = "10.0.0.1", **virtual: Any) -> Service:
    server = VirtualServer(
        service=Endpoint(address, 80), family=Family.IPV4, **({"quorum": 1, "protocol": Protocol.TCP} | virtual)
    )
    return Service(virtual_server=server, pool=pool)


def member(number: int, *checks: AnyCheck, **fields: Any) -> PoolMember:
    server = RealServer(endpoint=Endpoint(f"10.0.0.{number}", 80), family=Family.IPV4, **fields)
    return PoolMember(server=server, checks=checks)


def config(*services: Service, **lvs: Any) -> Config:
    defaults = GlobalDefs(lvs=LvsDefaults(**lvs))
    return Config(global_defs=defaults, track_files=(FILE,), virtual_servers=services)


class Play:
    """Changes as `down [10.0.0.7]:tcp:80`, and lines of the log."""

    def __init__(self, settings: Config) -> None:
        self.changes: list[ServerChanged] = []
        self.of_checks: list[ServerChanged] = []
        self.log: list[str] = []
        self.quorums: list[TrackerVerdict] = []
        self.pools = Pools(
            settings,
            self.changes.append,
            self.of_checks.append,
            self.quorums.append,
            lambda level, code, text: self.log.append(text),
        )

    def check(self, name: str, up: bool, value: int | None = None) -> None:
        reason = f"{name} {'succeeded' if up else 'failed'}"
        self.pools.judged([TrackerVerdict(TrackerKind.CHECK, name, up, reason, 0, value)])

    def file(self, number: int) -> None:
        self.pools.judged([TrackerVerdict(TrackerKind.FILE, "load", True, f"file load: {number}", 0, number)])

    def said(self) -> list[str]:
        changes = self.changes[:]
        self.changes.clear()
        return [f"{change.new.lower()} {change.server or change.virtual_server}" for change in changes]

    def weights(self) -> list[int]:
        return [server.weight for pool in self.pools.snapshots().values() for server in pool.servers]


ONE = config(service(member(7, tcp(80)), member(8, tcp(80))))
A = "10.0.0.1:80 10.0.0.7:80 TCP_CHECK"


def begun(settings: Config = ONE) -> Play:
    play = Play(settings)
    play.pools.begin()
    return play


def test_nothing_is_told_before_there_is_somebody_to_tell() -> None:
    play = Play(ONE)
    play.check(A, up=False)
    play.pools.configure(ONE)
    assert play.said() == []
    play.pools.begin()
    assert play.said() == ["up [10.0.0.1]:tcp:80"]


def test_a_server_comes_and_goes() -> None:
    play = begun()
    play.said()
    play.check(A, up=False)
    (change,) = play.changes
    assert (change.kind, change.name) == ("RS", "[10.0.0.7]:tcp:80 of [10.0.0.1]:tcp:80")
    assert (change.server, change.virtual_server) == ("[10.0.0.7]:tcp:80", "[10.0.0.1]:tcp:80")
    assert (change.up, change.reason, change.at_start) == (False, f"{A} failed", False)
    assert play.log[-1] == f"real server [10.0.0.7]:tcp:80 of [10.0.0.1]:tcp:80 is down: {A} failed"
    assert play.said() == ["down [10.0.0.7]:tcp:80"]
    play.check(A, up=True)
    assert play.said() == ["up [10.0.0.7]:tcp:80"]


def tracked(settings: Config) -> Config:
    """An instance tracks the quorum of the first virtual server."""
    member = CombinedMember(TrackerKind.VIRTUAL_SERVER, "10.0.0.1:80")
    check = CombinedCheck(name="shop", members=(member,), quorum=1)
    instance = msgspec.structs.replace(scripted().instances[0], tracking=Tracking(checks=(Tracked("shop", Weight()),)))
    return msgspec.structs.replace(settings, instances=(instance,), combined_checks=(check,))


def test_who_tracks_a_virtual_server_hears_of_its_quorum_only_when_it_changes() -> None:
    play = begun(tracked(ONE))
    (verdict,) = play.quorums
    assert (verdict.key, verdict.up) == ("virtual_server 10.0.0.1:80", True)
    assert verdict.reason.startswith("virtual server [10.0.0.1]:tcp:80 has its quorum: the weights")
    play.check(A, up=False)
    assert len(play.quorums) == 1
    play.check("10.0.0.1:80 10.0.0.8:80 TCP_CHECK", up=False)
    assert [verdict.up for verdict in play.quorums] == [True, False]
    assert play.quorums[-1].reason.startswith("virtual server [10.0.0.1]:tcp:80 has no quorum: ")
    play.pools.stop()
    assert len(play.quorums) == 2


def test_a_virtual_server_that_nobody_tracks_is_nobodys_condition_until_a_reload_makes_it_one() -> None:
    play = begun()
    play.check(A, up=False)
    assert play.quorums == []
    play.pools.configure(tracked(ONE))
    assert [verdict.up for verdict in play.quorums] == [True]
    play.pools.configure(ONE)
    play.pools.configure(tracked(ONE))
    assert [verdict.up for verdict in play.quorums] == [True, True]


def test_tcp_and_udp_of_an_address_must_both_have_their_quorum() -> None:
    both = config(service(member(7, tcp(80))), service(member(8, tcp(80)), protocol=Protocol.UDP))
    play = begun(tracked(both))
    assert [verdict.up for verdict in play.quorums] == [True]
    play.check("10.0.0.1:80 10.0.0.8:80 TCP_CHECK", up=False)
    assert not play.quorums[-1].up
    assert "[10.0.0.1]:udp:80 has no quorum" in play.quorums[-1].reason


def test_what_is_said_of_something_else_is_nothing_to_it() -> None:
    play = begun()
    play.said()
    play.check("web", up=False)
    play.file(3)
    assert play.said() == []


def test_a_check_that_turns_beside_one_that_failed_is_told_to_mail_only() -> None:
    play = begun(config(service(member(7, tcp(80), tcp(80)))))
    play.said()
    play.check(A, up=False)
    assert (play.said(), play.of_checks) == (["down [10.0.0.7]:tcp:80", "down [10.0.0.1]:tcp:80"], [])
    play.check(f"{A} 2", up=False)
    assert play.said() == []
    assert [(change.server, change.up, change.reason) for change in play.of_checks] == [
        ("[10.0.0.7]:tcp:80", False, f"{A} 2 failed")
    ]


def test_weights_of_commands_and_of_files() -> None:
    checks = (tcp(80), FileCheck(track_file="load"), FileCheck(track_file="load", weight=Weight(1, True)))
    play = begun(config(service(member(7, *checks), member(8, FileCheck(track_file="load", weight=Weight(0))))))
    assert (play.said(), play.weights()) == ([], [1, 1])
    play.file(0)
    assert play.said() == ["up [10.0.0.1]:tcp:80"]
    play.file(5)
    assert play.said() == ["down [10.0.0.8]:tcp:80"]
    assert play.weights() == [1 + 2 * 5 - 5, 1]
    play.check(A, up=True, value=20)
    assert play.weights() == [20 + 2 * 5 - 5, 1]
    assert play.log[-1] == f"real server [10.0.0.7]:tcp:80 of [10.0.0.1]:tcp:80: weight 6 -> 25: {A} succeeded"


def test_rs_init_notifies() -> None:
    play = begun(config(service(member(7)), rs_init_notifies=True))
    assert [change.at_start for change in play.changes] == [True, False]
    assert play.said() == ["up [10.0.0.7]:tcp:80", "up [10.0.0.1]:tcp:80"]
    assert not any("real server" in line and "is up:" in line and "[10.0.0.7]" in line[:30] for line in play.log)


def test_a_reload() -> None:
    play = begun()
    play.said()
    play.check(A, up=False)
    play.said()
    second = service(member(7, tcp(80)), address="10.0.0.2")
    play.pools.configure(config(service(member(7, tcp(80))), second))
    assert play.said() == [
        "down [10.0.0.8]:tcp:80",
        "down [10.0.0.1]:tcp:80",
        "up [10.0.0.2]:tcp:80",
    ]
    play.pools.configure(config(second))
    assert play.said() == []
    play.pools.configure(config(service(member(7, tcp(80)))))
    assert play.said() == ["down [10.0.0.7]:tcp:80", "down [10.0.0.2]:tcp:80", "up [10.0.0.1]:tcp:80"]


def test_two_that_are_alike_are_two() -> None:
    play = begun(config(service(member(7)), service(member(8))))
    assert list(play.pools.snapshots()) == ["[10.0.0.1]:tcp:80", "[10.0.0.1]:tcp:80 2"]
    assert play.said() == ["up [10.0.0.1]:tcp:80"] * 2


def test_after_the_stop_nothing_counts() -> None:
    play = begun(config(service(member(7, tcp(80)), omega=True)))
    play.said()
    play.pools.stop()
    assert play.said() == ["down [10.0.0.7]:tcp:80", "down [10.0.0.1]:tcp:80"]
    play.check(A, up=True)
    assert (play.said(), play.pools.snapshots()) == ([], {})
