"""An engine in the namespace of the test, with a context that writes down what it tells the parent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from alived.adapters.loop import Loop
from alived.base import Family
from alived.config.model import Config, GlobalDefs, Instance, SyncGroup
from alived.daemon.engine.engine import Engine
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.lease_line import LineEnd
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    Configured,
    EngineSnapshot,
    LogLine,
    SnapshotRequest,
    Transition,
)
from alived.vip.config import GarpPolicy, VipGroup, VirtualAddress
from alived.vrrp.config import State, VrrpInstance, VrrpSyncGroup
from alived.vrrp.events import InstanceSnapshot
from tests.segment import addresses_of, until

M = TypeVar("M", bound=BusMessage)
INTERVAL_CS = 10
"""Takeover of priority 255: at once; of 254: after 300 ms and a little."""


def address(text: str, interface: str = "eth0", **fields: object) -> VirtualAddress:
    family = Family.IPV6 if ":" in text else Family.IPV4
    length = 128 if family is Family.IPV6 else 32
    known = {"address": text, "prefix_length": length, "interface": interface, "family": family} | fields
    return VirtualAddress(**known)  # type: ignore[arg-type]


def instance(name: str, vrid: int, *vips: VirtualAddress | str, interface: str = "eth0", **fields: object) -> Instance:
    """Version 3, priority 255 (MASTER at once) unless told otherwise."""
    bound = tuple(address(vip, interface) if isinstance(vip, str) else vip for vip in vips)
    vips_fields = {key: fields.pop(key) for key in list(fields) if key in VipGroup.__struct_fields__}
    known = {
        "name": name,
        "interface": interface,
        "virtual_router_id": vrid,
        "version": 3,
        "priority": 255,
        "advert_interval_cs": INTERVAL_CS,
        "addresses": tuple(va.address for va in bound),
    } | fields
    group = VipGroup(name=name, addresses=bound, **({"garp": GarpPolicy(master_delay_ns=0)} | vips_fields))  # type: ignore[arg-type]
    return Instance(vrrp=VrrpInstance(**known), vips=group)  # type: ignore[arg-type]


def config(*instances: Instance, groups: Sequence[VrrpSyncGroup] = ()) -> Config:
    return Config(
        global_defs=GlobalDefs(rt_priority=0),
        instances=instances,
        sync_groups=tuple(SyncGroup(vrrp=group) for group in groups),
    )


class Play:
    """`engine` and all that it has sent."""

    def __init__(
        self, wanted: Config, lease_line: LineEnd | None = None, lease_key: bytes = b"", loop: Loop | None = None
    ) -> None:
        self.loop = loop or Loop()
        self.sent: list[BusMessage] = []
        self.engine = Engine(ChildContext("engine", self.loop, wanted, self.sent.append, lease_line, lease_key))
        self.engine.start()
        self.stopped = False

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.sent if isinstance(message, kind)]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        until(self.loop, condition, f"{what}; sent: {self.sent[-10:]}")

    def turn_for(self, seconds: float) -> None:
        """Lets things happen that must not change anything."""
        over: list[bool] = []
        self.loop.call_later(int(seconds * 1e9), lambda: over.append(True))
        self.until(lambda: bool(over), "time passes")

    def snapshot(self) -> EngineSnapshot:
        self.engine.handle(SnapshotRequest(request_id=1))
        answer = self.sent.pop()
        assert isinstance(answer, EngineSnapshot)
        return answer

    def show(self, name: str) -> InstanceSnapshot:
        return next(shown for shown in self.snapshot().instances if shown.name == name)

    def state(self, name: str) -> State:
        return self.show(name).state

    def until_state(self, name: str, state: State) -> None:
        self.until(lambda: self.state(name) is state, f"{name} is {state}")

    def until_bound(self, *texts: str, interface: str = "eth0") -> None:
        self.until(lambda: set(texts) <= set(addresses_of(interface)), f"{texts} on {interface}")

    def until_gone(self, *texts: str, interface: str = "eth0") -> None:
        self.until(lambda: not set(texts) & set(addresses_of(interface)), f"no {texts} on {interface}")

    def reload(self, wanted: Config) -> tuple[str, ...]:
        """What the engine says that it changed."""
        self.engine.handle(Configure(wanted))
        return self.of(Configured)[-1].changes

    def moves(self, name: str) -> list[tuple[State, State]]:
        return [(move.old, move.new) for move in self.of(Transition) if move.name == name]

    def notices(self, code: str) -> list[str]:
        return [line.message for line in self.of(LogLine) if line.code == code]

    def stop(self) -> None:
        if not self.stopped:
            done: list[bool] = []
            self.engine.stop(lambda: done.append(True))
            self.until(lambda: bool(done), "the engine has stopped")
            self.stopped = True


@contextlib.contextmanager
def playing(*instances: Instance, groups: Sequence[VrrpSyncGroup] = ()) -> Iterator[Play]:
    play = Play(config(*instances, groups=groups))
    try:
        yield play
    finally:
        play.stop()
        play.loop.close()
