"""The kernel lease of groups in an engine: opened, renewed and closed with the lease, and silent without anybody."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator

import pytest

from alived.adapters.loop import Loop
from alived.adapters.runtime_dir import RuntimeDir
from alived.cli.demo_wire import Kind, Wire
from alived.config.model import Config
from alived.daemon.parent.kernel_lease import KernelLeases
from alived.owner import HookEvent
from tests.daemon.engine.owned_play import OwnedPlay, by_hooks, group, hook, owned_config
from tests.segment import OWN_ADDRESS, Segment, addresses_of, until

pytestmark = pytest.mark.lab

VIP = "192.0.2.100"
WEB = group("web", VIP)


class Fenced:
    """A parent's table, an engine behind it, and a neighbour who asks."""

    def __init__(self, segment: Segment, directory: RuntimeDir, wanted: Config) -> None:
        self.leases = KernelLeases(Loop(), directory, self._note)
        self.leases.enforce(wanted)
        self.play = OwnedPlay(wanted, self.leases.key)
        self.wire = Wire(segment.network.namespace("other"))

    def _note(self, level: str, code: str, message: str) -> None:
        pytest.skip(f"the kernel does not enforce leases: {message}")

    def close(self) -> None:
        self.play.stop()
        self.play.loop.close()
        self.leases.lift()
        self.wire.close()

    def answers(self, *, turning: bool = True) -> bool:
        """Whether the address answers now: our own is asked after it, and answers in any case. turning: the engine
        goes on meanwhile."""
        self.wire.read()
        found: set[tuple[Kind, str]] = set()

        def all_heard() -> bool:
            self.wire.ask(VIP)
            self.wire.ask(OWN_ADDRESS)
            found.update((seen.kind, seen.address) for seen in self.wire.read())
            return (Kind.ANSWER, OWN_ADDRESS) in found

        until(self.play.loop if turning else Loop(), all_heard, "an answer")
        return (Kind.ANSWER, VIP) in found

    def until_answers(self, *names: str) -> None:
        def renewed() -> bool:
            self.play.lease(*names)
            return self.answers()

        self.play.until(renewed, f"{VIP} answers")


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> Iterator[RuntimeDir]:
    if shutil.which("nft") is None:
        pytest.skip("needs nft")
    directory = RuntimeDir(str(tmp_path / "run"))
    yield directory
    directory.close()


@pytest.fixture
def fenced(segment: Segment, directory: RuntimeDir) -> Iterator[Fenced]:
    fenced = Fenced(segment, directory, owned_config(WEB))
    yield fenced
    fenced.close()


def test_renewals_of_the_lease_let_the_address_speak(fenced: Fenced) -> None:
    assert not fenced.answers()
    fenced.until_answers("web")
    assert fenced.play.owner("web").fenced


def test_an_engine_that_stands_still_is_silent_though_the_address_is_bound(fenced: Fenced) -> None:
    fenced.until_answers("web")
    until(Loop(), lambda: not fenced.answers(turning=False), "it falls silent")
    assert f"{VIP}/32" in addresses_of("eth0")
    assert fenced.play.moves("web")[-1][1] == "MASTER"


def test_what_is_let_go_is_silent_before_it_is_gone(fenced: Fenced, monkeypatch: pytest.MonkeyPatch) -> None:
    """The removal waits for ever; the lease of the kernel does not."""
    fenced.until_answers("web")
    monkeypatch.setattr(fenced.play.engine._wiring.holders.work, "remove", lambda effect: None)
    fenced.play.until_answered(fenced.play.withdraw())
    assert not fenced.answers()
    assert f"{VIP}/32" in addresses_of("eth0")
    assert fenced.play.report("web").holds
    monkeypatch.undo()
    fenced.play.lease("web")


def test_a_table_that_is_gone_is_noticed_and_one_that_comes_back_too(fenced: Fenced) -> None:
    fenced.until_answers("web")
    fenced.leases.lift()
    fenced.play.until_answered(fenced.play.lease("web"))
    assert not fenced.play.owner("web").fenced
    assert fenced.play.notices("kernel-lease-lost") != []
    assert fenced.answers(), "nobody silences it"
    fenced.leases.enforce(owned_config(WEB))
    fenced.play.until_answered(fenced.play.lease("web"))
    assert fenced.play.owner("web").fenced
    fenced.until_answers("web")


def test_addresses_of_hooks_are_let_go_as_soon_as_they_are_silent(segment: Segment, directory: RuntimeDir) -> None:
    hooks = [hook(HookEvent.TO_SLAVE)]
    fenced = Fenced(segment, directory, owned_config(by_hooks(WEB), hooks=hooks))
    try:
        fenced.play.until_answered(fenced.play.lease("web"))
        fenced.play.until_reported("web", holds=True)
        fenced.play.until_answered(fenced.play.withdraw())
        assert not fenced.play.report("web").holds, "ToSlave has not ended, but nothing can be heard of the address"
    finally:
        fenced.close()
