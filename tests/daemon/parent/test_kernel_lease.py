"""The parent's part of the kernel lease: when there is a table, what it covers, what is said when there is none."""

from __future__ import annotations

import pathlib
import re
import shutil
import socket
from collections.abc import Iterator

import pytest

from alived.adapters import nft
from alived.adapters.kernel_lease import KernelLease
from alived.adapters.loop import Loop
from alived.adapters.nft import NftError
from alived.adapters.runtime_dir import RuntimeDir
from alived.cli.demo_wire import Kind, Wire
from alived.config.model import Config, RaftGroup
from alived.daemon.parent.kernel_lease import MARKER_FILE, KernelLeases, wanted_table
from alived.raft.config import Cluster, Member, Profile, RaftInstance
from alived.raft.profiles import TIMERS
from alived.vip.config import VipGroup, VirtualAddress
from tests.segment import Segment, ip, until

KEY = bytes(8)


def group(name: str, *addresses: str, interface: str = "eth0") -> RaftGroup:
    vips = tuple(VirtualAddress(address=address, prefix_length=32, interface=interface) for address in addresses)
    return RaftGroup(raft=RaftInstance(name=name, interface=interface), vips=VipGroup(name=name, addresses=vips))


def config(*groups: RaftGroup, profile: Profile = Profile.LAN) -> Config:
    member = Member(id="n1", address="192.0.2.1")
    cluster = Cluster(node_id="n1", data_dir="/var/lib/alived", members=(member,), profile=profile)
    return Config(cluster=cluster, raft_groups=groups)


WEB, MAIL = group("web", "192.0.2.100"), group("mail", "192.0.2.101")


# -- what is wanted --


def test_only_what_leases_own_is_covered() -> None:
    assert wanted_table(Config(), "t", KEY) is None
    assert wanted_table(config(group("empty")), "t", KEY) is None
    table = wanted_table(config(WEB, group("empty"), group("six", "2001:db8::1", interface="eth1")), "t", KEY)
    assert table is not None
    assert [(one.name, one.addresses) for one in table.groups] == [
        ("web", (("eth0", "192.0.2.100"),)),
        ("six", (("eth1", "2001:db8::1"),)),
    ]


@pytest.mark.parametrize("profile", list(Profile))
def test_the_kernel_can_let_an_owner_speak_for_as_long_as_its_lease_lasts(profile: Profile) -> None:
    table = wanted_table(config(WEB, profile=profile), "t", KEY)
    assert table is not None
    assert table.timeouts_ns == TIMERS[profile].kernel_leases_ns


# -- with an nft that is not there, or refuses --


class Refusing:
    """In the place of nft: keeps what it is asked, and refuses what matches."""

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self.refused = "^$"

    def run(self, script: str) -> None:
        self.scripts.append(script)
        if re.search(self.refused, script):
            raise NftError("nft: Operation not supported")


class Notes(list[tuple[str, str, str]]):
    def note(self, level: str, code: str, message: str) -> None:
        self.append((level, code, message))

    @property
    def codes(self) -> list[str]:
        return [code for _, code, _ in self]


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    fake = Refusing()
    monkeypatch.setattr(nft, "run", fake.run)
    return fake


class Taken:
    """In the place of the engine's hand: a table takes all."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == 8

    def enforced(self) -> bool:
        return True

    def shut(self) -> None:
        """Nothing was opened."""


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> Iterator[RuntimeDir]:
    directory = RuntimeDir(str(tmp_path / "run"))
    yield directory
    directory.close()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def leases(loop: Loop, directory: RuntimeDir, notes: Notes) -> KernelLeases:
    return KernelLeases(loop, directory, notes.note)


def test_without_leases_nft_is_not_asked_for(leases: KernelLeases, fake: Refusing) -> None:
    leases.enforce(Config())
    leases.lift()
    assert fake.scripts == []


def test_what_a_killed_daemon_has_left_is_removed_though_nothing_is_wanted_any_more(
    leases: KernelLeases, fake: Refusing, directory: RuntimeDir
) -> None:
    directory.replace(MARKER_FILE, "alived_x\n")
    leases.enforce(Config())
    assert [script.split()[0] for script in fake.scripts] == ["table"]
    assert "delete table netdev" in fake.scripts[0]
    assert not directory.has(MARKER_FILE)


def test_what_cannot_be_removed_is_said_and_tried_again(
    leases: KernelLeases, fake: Refusing, notes: Notes, directory: RuntimeDir
) -> None:
    directory.replace(MARKER_FILE, "alived_x\n")
    fake.refused = "delete table"
    leases.enforce(Config())
    assert notes.codes == ["kernel-lease-kept"]
    assert directory.has(MARKER_FILE)
    fake.refused = "^$"
    leases.lift()
    assert not directory.has(MARKER_FILE)


def test_a_kernel_without_what_it_takes_is_a_warning_that_says_what_it_costs(
    leases: KernelLeases, fake: Refusing, notes: Notes, directory: RuntimeDir
) -> None:
    fake.refused = "hook egress"
    leases.enforce(config(WEB))
    assert not leases.enforced
    [(level, code, sentence)] = notes
    assert (level, code) == ("warning", "kernel-lease-missing")
    assert "Operation not supported" in sentence
    assert "a frozen or killed owner goes on answering until the lifetime of its addresses ends" in sentence
    assert leases.missing in sentence
    assert not directory.has(MARKER_FILE)


def test_a_machine_without_nft_is_told(
    leases: KernelLeases, notes: Notes, monkeypatch: pytest.MonkeyPatch, directory: RuntimeDir
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    leases.enforce(config(WEB))
    assert "cannot run nft" in leases.missing
    assert notes.codes[-1] == "kernel-lease-missing"


def test_a_reload_that_needs_no_leases_any_more_forgets_what_was_missing(leases: KernelLeases, fake: Refusing) -> None:
    fake.refused = "hook egress"
    leases.enforce(config(WEB))
    leases.enforce(Config())
    assert leases.missing == ""


def test_a_reload_keeps_the_table_unless_the_kernel_refuses(
    leases: KernelLeases, fake: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alived.daemon.parent.kernel_lease.KernelLease", Taken)
    leases.enforce(config(WEB))
    assert "delete table" in fake.scripts[-1], "one of before is replaced"
    leases.enforce(config(WEB))
    assert len(fake.scripts) == 1, "nothing has changed"
    leases.enforce(config(WEB, MAIL))
    assert "delete table" not in fake.scripts[-1]
    fake.refused = "^delete chain"  # it went with its interface
    leases.enforce(config(MAIL))
    assert "delete table" in fake.scripts[-1]
    assert leases.enforced


def test_a_reload_tries_again_what_was_missing(
    leases: KernelLeases, fake: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alived.daemon.parent.kernel_lease.KernelLease", Taken)
    fake.refused = "hook egress"
    leases.enforce(config(WEB))
    assert leases.missing
    fake.refused = "^$"
    leases.enforce(config(WEB))
    assert leases.enforced
    assert leases.missing == ""


# -- on a kernel --


class Scene:
    """The parent's part in the namespace of the test, an engine's hand, a neighbour."""

    def __init__(self, segment: Segment, loop: Loop, directory: RuntimeDir) -> None:
        self.notes = Notes()
        self.segment, self.loop, self.directory = segment, loop, directory
        self.leases = KernelLeases(loop, directory, self.notes.note)
        self.engine = KernelLease(self.leases.key)
        self.wires = [Wire(segment.network.namespace("other"), f"eth{number}", number) for number in (0, 1)]

    def close(self) -> None:
        self.engine.shut()
        for wire in self.wires:
            wire.close()

    def answers(self, address: str, segment: int = 0) -> bool:
        """The own address is asked after it: once that has answered, what was to come has come."""
        wire, own = self.wires[segment], f"192.0.{2 + segment}.1"
        wire.read()
        found: set[tuple[Kind, str]] = set()

        def all_heard() -> bool:
            wire.ask(address)
            wire.ask(own)
            found.update((seen.kind, seen.address) for seen in wire.read())
            return (Kind.ANSWER, own) in found

        until(self.loop, all_heard, "an answer")
        return (Kind.ANSWER, address) in found

    def opens(self, group: str, address: str, segment: int = 0) -> None:
        """A renewal lasts 0.1 s, which a busy machine may need to ask."""
        renewed = self.engine.renew
        until(self.loop, lambda: renewed(group) and self.answers(address, segment), f"{address} answers")


@pytest.fixture
def scene(segment: Segment, loop: Loop, directory: RuntimeDir) -> Iterator[Scene]:
    if shutil.which("nft") is None:
        pytest.skip("needs nft")
    scene = Scene(segment, loop, directory)
    ip("address add 192.0.2.100/32 dev eth0", "address add 192.0.2.101/32 dev eth0")
    yield scene
    scene.close()


@pytest.mark.lab
def test_closed_first_open_over_a_reload_gone_at_the_end(scene: Scene) -> None:
    scene.leases.enforce(config(WEB))
    assert scene.leases.enforced
    assert not scene.answers("192.0.2.100")
    scene.opens("web", "192.0.2.100")
    scene.leases.enforce(config(WEB, MAIL, profile=Profile.RELAXED))
    assert not scene.answers("192.0.2.101")
    scene.opens("web", "192.0.2.100")
    scene.leases.enforce(config(MAIL))
    assert scene.answers("192.0.2.100"), "of no group any more"
    scene.leases.lift()
    assert scene.answers("192.0.2.101")
    assert scene.notes == []
    assert not scene.directory.has(MARKER_FILE)


@pytest.mark.lab
def test_the_next_daemon_replaces_what_a_killed_one_has_left(scene: Scene) -> None:
    scene.leases.enforce(config(WEB, MAIL))
    after = KernelLeases(scene.loop, scene.directory, scene.notes.note)
    after.enforce(config(WEB))
    assert not scene.engine.renew("web"), "an engine of before opens nothing"
    assert not scene.answers("192.0.2.100")
    assert scene.answers("192.0.2.101")
    after.lift()
    assert scene.answers("192.0.2.100")


@pytest.mark.lab
def test_rules_that_somebody_flushes_are_made_again(scene: Scene) -> None:
    scene.leases.enforce(config(WEB))
    nft.run("flush ruleset\n")
    assert scene.answers("192.0.2.100")
    until(scene.loop, lambda: not scene.answers("192.0.2.100"), "the table is back")
    assert scene.notes.codes == ["kernel-lease-lost"]
    scene.leases.lift()


@pytest.mark.lab
def test_a_table_that_nobody_could_renew_is_not_left(scene: Scene) -> None:
    ip("link set lo down")
    scene.leases.enforce(config(WEB))
    assert "is lo up?" in scene.leases.missing
    assert scene.answers("192.0.2.100"), "else no owner would ever be heard"


def _before_6_16(run: object) -> object:
    def refuse(script: str) -> None:
        there = {name for _, name in socket.if_nameindex()}
        if set(re.findall(r'device "(\w+)"', script)) - there:
            raise NftError("nft: No such file or directory")
        assert callable(run)
        run(script)

    return refuse


@pytest.mark.lab
@pytest.mark.parametrize("old_kernel", [False, True])
def test_an_interface_that_comes_later_is_covered(
    scene: Scene, old_kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if old_kernel:
        monkeypatch.setattr(nft, "run", _before_6_16(nft.run))
    scene.segment.remove_interface(1)
    scene.leases.enforce(config(WEB, group("far", "192.0.3.100", interface="eth1")))
    scene.opens("web", "192.0.2.100")
    scene.segment.restore_interface(1)
    ip("address add 192.0.3.100/32 dev eth1")
    until(scene.loop, lambda: not scene.answers("192.0.3.100", 1), "it is covered")
    scene.opens("far", "192.0.3.100", 1)
    if old_kernel:
        assert scene.notes.codes == ["kernel-lease-later"]
    scene.leases.lift()


@pytest.mark.lab
def test_an_interface_that_comes_back_is_covered_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "run", _before_6_16(nft.run))
    scene.leases.enforce(config(WEB, group("far", "192.0.3.100", interface="eth1")))
    scene.segment.remove_interface(1)
    scene.segment.restore_interface(1)
    ip("address add 192.0.3.100/32 dev eth1")
    until(scene.loop, lambda: not scene.answers("192.0.3.100", 1), "it is covered")
    scene.leases.lift()
