"""The kernel lease on a kernel, judged by a neighbour that asks, and counts who answers."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Set

import pytest

from alived.adapters import nft
from alived.adapters.kernel_lease import KernelLease
from alived.adapters.netns import batch
from alived.adapters.privileges import signal_at_parent_death
from alived.base import NS_PER_MS, NS_PER_S
from alived.cli.demo_wire import Kind, Wire
from alived.wire import lease_table, neighbour
from alived.wire.inet import pack_address
from alived.wire.lease_table import LeasedGroup, LeaseTable
from tests.segment import OTHER_ADDRESS, OTHER_MAC, OWN_ADDRESS, OWN_MAC, PATIENCE_S, Segment, drain, ip

pytestmark = pytest.mark.lab

KEY = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
WEB4, WEB6, MAIL4 = "192.0.2.100", "2001:db8::100", "192.0.2.101"
WEB = LeasedGroup("web", (("eth0", WEB4), ("eth0", WEB6)))
MAIL = LeasedGroup("mail", (("eth0", MAIL4),))
RENEWED_EVERY_S = 0.03
NEIGHBOUR = OTHER_ADDRESS, "2001:db8::2"
"""Who pings: an echo reply leaves at once if its MAC is known, and so before an answer that is asked for later."""
OWN = OWN_ADDRESS, "2001:db8::1"
NOTHING: Set[tuple[Kind, str]] = frozenset()
ALL = {(kind, address) for kind in (Kind.ANSWER, Kind.PING) for address in (WEB4, WEB6)}


def table(*groups: LeasedGroup, timeouts_ns: tuple[int, ...] = (60 * NS_PER_S,)) -> LeaseTable:
    """The timeout is long where a test is not about it: what it closes by itself it closes at once."""
    return LeaseTable(name="alived_test", key=KEY, timeouts_ns=timeouts_ns, groups=groups or (WEB, MAIL))


class Neighbour:
    """Asks by ARP, ND and ping."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._wire = Wire(segment.network.namespace("other"))

    def close(self) -> None:
        self._wire.close()

    def know(self, *addresses: str, mac: bytes = OWN_MAC) -> None:
        """Pings to them need no question before."""
        with self._segment.other():
            batch([f"neighbour replace {a} lladdr {mac.hex(':')} dev eth0 nud permanent" for a in addresses])

    def answers(self, *addresses: str, least: Set[tuple[Kind, str]] = frozenset()) -> set[tuple[Kind, str]]:
        """What is answered to one question of each kind; least: what must be, and is waited for. The answers of
        addresses that no lease covers, which are asked last and more than once, say that no more is to come."""
        found: set[tuple[Kind, str]] = set()
        free = {(Kind.ANSWER, address) for address in OWN}
        self._wire.read()
        for address in addresses or (WEB4, WEB6):
            self._wire.ask(address)
            self._wire.ping(address)
        for _ in range(3):
            found -= free
            for address in OWN:
                self._wire.ask(address)
            end = time.monotonic() + PATIENCE_S
            while not found >= free | least:
                assert time.monotonic() < end, f"never answered: {(free | least) - found}"
                found |= {(seen.kind, seen.address) for seen in self._wire.read(0.1)}
        return found - free

    def expect(self, expected: Set[tuple[Kind, str]], *addresses: str) -> None:
        """This is answered, and nothing else."""
        assert self.answers(*addresses, least=expected) == expected


@pytest.fixture
def other(segment: Segment) -> Iterator[Neighbour]:
    if shutil.which("nft") is None:
        pytest.skip("needs nft")
    other = Neighbour(segment)
    with contextlib.closing(other):
        ip(
            f"address add {WEB4}/32 dev eth0",
            f"address add {WEB6}/128 dev eth0 nodad",
            f"address add {MAIL4}/32 dev eth0",
            *(f"neighbour replace {a} lladdr {OTHER_MAC.hex(':')} dev eth0 nud permanent" for a in NEIGHBOUR),
        )
        other.know(WEB4, WEB6, MAIL4)
        other.expect(ALL)  # without a table
        yield other


@contextlib.contextmanager
def holder(key: bytes) -> Iterator[KernelLease]:
    lease = KernelLease(key)
    try:
        yield lease
    finally:
        lease.shut()


@pytest.fixture
def lease(segment: Segment) -> Iterator[KernelLease]:
    with holder(KEY) as lease:
        yield lease


def made(*groups: LeasedGroup, timeouts_ns: tuple[int, ...] = (60 * NS_PER_S,)) -> LeaseTable:
    one = table(*groups, timeouts_ns=timeouts_ns)
    nft.run(lease_table.make(one))
    return one


def test_nothing_is_answered_unless_the_lease_of_the_group_is_open(
    segment: Segment, other: Neighbour, lease: KernelLease
) -> None:
    made()
    other.expect(NOTHING)
    assert lease.renew("mail")
    other.expect({(Kind.ANSWER, MAIL4), (Kind.PING, MAIL4)}, WEB4, WEB6, MAIL4)
    assert lease.renew("web")
    other.expect(ALL)
    assert lease.close("web")
    other.expect({(Kind.ANSWER, MAIL4), (Kind.PING, MAIL4)}, WEB4, WEB6, MAIL4)
    nft.run(lease_table.remove("alived_test"))
    other.expect(ALL)


def test_nothing_leaves_by_itself_either(segment: Segment, other: Neighbour, lease: KernelLease) -> None:
    """A process that was stopped in the middle of its announcements, a connection that the kernel still serves."""
    made()
    with segment.other():
        ear = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        ear.bind(("::", 5000))
        ear.setblocking(False)
    frames = segment.other_frames()
    raw = {
        "announcement": neighbour.gratuitous_arp(OWN_MAC, pack_address(WEB4)),
        "advertisement": neighbour.unsolicited_na(OWN_MAC, pack_address("fe80::1"), pack_address(WEB6), router=False),
    }

    def expect(*expected: str) -> None:
        """These leave, and nothing else: what does is heard before what is said last, which always leaves."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
            sender.bind(("eth0", 0))
            for frame in raw.values():
                with contextlib.suppress(OSError):  # a frame that the kernel drops is an error of its sender
                    sender.send(frame)
        _say("from IPv4", WEB4, OTHER_ADDRESS)
        _say("from IPv6", WEB6, segment.network.address("other", index=1))
        _say("from our own", OWN_ADDRESS, OTHER_ADDRESS)
        heard: set[str] = set()
        end = time.monotonic() + PATIENCE_S
        while not heard >= {*expected, "from our own"}:
            assert time.monotonic() < end, f"heard only {heard}"
            select.select([ear, frames], [], [], PATIENCE_S)
            heard |= {said.decode() for said in drain(ear)}
            seen = drain(frames)
            heard |= {name for name, frame in raw.items() if frame in seen}
        assert heard == {*expected, "from our own"}

    with ear, frames:
        expect()
        lease.renew("web")
        expect(*raw, "from IPv4", "from IPv6")


def _say(text: str, source: str, to: str) -> None:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as voice:
        voice.bind((source, 0))
        voice.sendto(text.encode(), (to, 5000))


@pytest.mark.parametrize("signum", [signal.SIGSTOP, signal.SIGKILL])
def test_who_is_frozen_or_dead_falls_silent_by_itself(
    other: Neighbour, lease: KernelLease, signum: signal.Signals
) -> None:
    made(timeouts_ns=(100 * NS_PER_MS,))
    renewer = os.fork()
    if renewer == 0:
        signal_at_parent_death(signal.SIGKILL)
        while True:
            lease.renew("web")
            time.sleep(RENEWED_EVERY_S)
    try:
        _until_answered(other)
        os.kill(renewer, signum)
        end = time.monotonic() + PATIENCE_S
        while other.answers():
            assert time.monotonic() < end, "the addresses go on answering"
        # It stays so: nothing but a renewal opens.
        time.sleep(0.3)
        other.expect(NOTHING)
        if signum == signal.SIGSTOP:
            os.kill(renewer, signal.SIGCONT)
            _until_answered(other)
    finally:
        os.kill(renewer, signal.SIGKILL)
        os.waitpid(renewer, 0)


def test_each_renewal_lasts_as_long_as_it_says_also_if_the_one_before_it_lasted_longer(
    segment: Segment, lease: KernelLease
) -> None:
    timeouts_s = [100, 200, 300, 400]
    made(timeouts_ns=tuple(timeout_s * NS_PER_S for timeout_s in timeouts_s))
    for place in (3, 0, 2, 1):
        assert lease.renew("web", place)
        shown = json.loads(_shown("nft", "-j", "list", "set", "netdev", "alived_test", "leases"))
        (lasts,) = [entry["set"]["elem"] for entry in shown["nftables"] if "set" in entry]
        (expires_s,) = [one["elem"]["expires"] for one in lasts]
        assert timeouts_s[place] - 100 < expires_s <= timeouts_s[place]


def test_a_renewal_for_a_timeout_that_the_table_does_not_have_opens_nothing(
    other: Neighbour, lease: KernelLease
) -> None:
    made()
    assert not lease.renew("web", 1)
    other.expect(NOTHING)


def _until_answered(other: Neighbour) -> None:
    end = time.monotonic() + PATIENCE_S
    while other.answers() != ALL:
        assert time.monotonic() < end, "the addresses never answer"


def test_an_address_is_covered_whoever_binds_it_and_when(other: Neighbour, lease: KernelLease) -> None:
    ip(f"address del {WEB4}/32 dev eth0")
    made()
    ip(f"address replace {WEB4}/24 dev eth0")
    other.expect(NOTHING, WEB4)
    lease.renew("web")
    other.expect({(Kind.ANSWER, WEB4), (Kind.PING, WEB4)}, WEB4)


MACVLAN_MAC = bytes((2, 0, 0, 0, 9, 0))
DEVICES = {
    "bridge": ("link add up0 type bridge", "link set eth0 master up0"),
    "macvlan": (f"link add up0 link eth0 address {MACVLAN_MAC.hex(':')} type macvlan mode private",),
}


@pytest.mark.parametrize("kind", DEVICES)
def test_an_address_is_covered_on_devices_over_others(other: Neighbour, lease: KernelLease, kind: str) -> None:
    ip(
        *DEVICES[kind],
        "link set up0 up",
        "address flush dev eth0",
        f"address add {OWN_ADDRESS}/24 dev up0",
        "address add 2001:db8::1/64 dev up0 nodad",
        f"address add {WEB4}/32 dev up0",
        f"address add {WEB6}/128 dev up0 nodad",
    )
    if kind == "macvlan":
        other.know(WEB4, WEB6, mac=MACVLAN_MAC)
        # Else eth0, which has another interface of the same segment beside it now, answers for its addresses.
        pathlib.Path("/proc/sys/net/ipv4/conf/all/arp_ignore").write_text("1")
    _until_answered(other)
    made(LeasedGroup("web", (("up0", WEB4), ("up0", WEB6))))
    other.expect(NOTHING)
    lease.renew("web")
    other.expect(ALL)


def test_an_owner_elsewhere_is_reached_and_learned_of(segment: Segment, other: Neighbour) -> None:
    """A node whose lease is closed is a client of the owner like any other."""
    ip(f"address del {WEB4}/32 dev eth0")
    made()
    with segment.other():
        ip(f"address add {WEB4}/32 dev eth0")
        service = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        service.bind((WEB4, 5000))
    with service, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE_S)
        client.sendto(b"question", (WEB4, 5000))
        service.settimeout(PATIENCE_S)
        question, sender = service.recvfrom(99)
        service.sendto(b"answer", sender)
        assert (question, client.recv(99)) == (b"question", b"answer")
    announced = bytes.fromhex("020000aabbcc")
    with segment.other_frames() as frames:
        frames.send(neighbour.gratuitous_arp(announced, pack_address(WEB4)))
    end = time.monotonic() + PATIENCE_S
    while announced.hex(":") not in _shown("ip", "neighbour", "show", WEB4):
        assert time.monotonic() < end, "the announcement of a new owner is not heard"
        time.sleep(0.01)


def test_other_groups_keep_their_leases_when_the_table_changes(other: Neighbour, lease: KernelLease) -> None:
    before = made(WEB, MAIL)
    lease.renew("web")
    new = LeasedGroup("new", (("eth0", "192.0.2.102"),))
    ip("address add 192.0.2.102/32 dev eth0")
    other.know("192.0.2.102")
    nft.run(lease_table.change(before, table(WEB, new)))
    other.expect(ALL)  # an open lease stays open
    other.expect(NOTHING, "192.0.2.102")  # a new group is closed
    other.expect({(Kind.ANSWER, MAIL4), (Kind.PING, MAIL4)}, MAIL4)  # who has left is free
    nft.run(lease_table.make(table(WEB, new)))
    other.expect(NOTHING)  # a new table is closed


def test_no_packet_falls_between_the_rules_before_and_after_a_change(other: Neighbour, lease: KernelLease) -> None:
    open_one = made(WEB, MAIL)
    lease.renew("web")
    changes = [lease_table.change(open_one, table(WEB)), lease_table.change(table(WEB), open_one)]
    stop = os.pipe()
    changer = os.fork()
    if changer == 0:
        os.close(stop[1])
        os.set_blocking(stop[0], False)
        status = 1
        with contextlib.suppress(BaseException):
            while _nothing_to_read(stop[0]):
                for change in changes:
                    nft.run(change)
            status = 0
        os._exit(status)
    os.close(stop[0])
    try:
        for _ in range(200):
            other.expect(ALL)
    finally:
        os.close(stop[1])
        _, status = os.waitpid(changer, 0)
    assert status == 0, "all changes were made"


def _nothing_to_read(fd: int) -> bool:
    """As long as the other end is open."""
    try:
        return bool(os.read(fd, 1))
    except BlockingIOError:
        return True


def test_one_frame_renews_thousands_of_addresses(other: Neighbour, lease: KernelLease) -> None:
    ipv4 = [str(ipaddress.ip_address("10.0.0.0") + n) for n in range(2500)]
    ipv6 = [str(ipaddress.ip_address("2001:db8:1::") + n) for n in range(2500)]
    many = LeasedGroup("many", tuple(("eth0", address) for address in (*ipv4, *ipv6, WEB4, WEB6)))
    made(many)
    other.expect(NOTHING)
    lease.renew("many")
    other.expect(ALL)
    lease.close("many")
    other.expect(NOTHING)


def test_who_renews_is_told_whether_a_table_took_it(segment: Segment, lease: KernelLease) -> None:
    assert not lease.renew("web"), "there is no table"
    made()
    assert lease.renew("web")
    assert lease.close("web")
    assert lease.close("web"), "closed already"
    assert lease.close("unknown")
    with holder(bytes(8)) as stranger:
        assert not stranger.renew("web"), "of another daemon, or of one before"
    ip("link set lo down")
    assert not lease.renew("web")
    ip("link set lo up")
    nft.run("flush ruleset\n")
    assert not lease.renew("web"), "somebody has removed it"


def test_operators_can_list_and_restore_the_rules(other: Neighbour, lease: KernelLease) -> None:
    """nft 1.0.6 dies of some rules that it has itself made."""
    made()
    lease.renew("web")
    listing = _shown("nft", "list", "ruleset")
    assert _shown("nft", "-j", "list", "ruleset")
    nft.run("flush ruleset\n" + listing)
    lease.close("web")
    other.expect(NOTHING)
    lease.renew("web")
    other.expect(ALL)


def _shown(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_two_daemons_do_not_renew_for_each_other(other: Neighbour, lease: KernelLease) -> None:
    made(WEB)
    second = LeaseTable(name="alived_second", key=bytes(8), timeouts_ns=(60 * NS_PER_S,), groups=(WEB,))
    nft.run(lease_table.make(second))
    lease.renew("web")
    other.expect(NOTHING)
    with holder(bytes(8)) as theirs:
        theirs.renew("web")
        other.expect(ALL)
