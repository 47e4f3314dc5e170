"""The addresses of one owner in the engine, whoever elects it: a VRRP instance or a group elected by Raft."""

from __future__ import annotations

from collections.abc import Callable

from alived.daemon.shared.deadlines import Entry
from alived.owner import FaultCleared, FaultRaised
from alived.vip.config import VipGroup
from alived.vip.group import VipHolder


class Keeper:
    """A holder of addresses, and who is told what becomes of them."""

    __slots__ = ("entry", "hear", "holder", "name", "review", "when_empty")

    def __init__(
        self,
        name: str,
        vips: VipGroup,
        hear: Callable[[FaultRaised | FaultCleared, int], None],
        review: Callable[[int], None],
    ) -> None:
        """name: of the owner, for people. hear: what the holder says of its ability to hold. review: something that
        the owner depends on has changed; the number is the time."""
        self.name = name
        self.holder = VipHolder(vips)
        self.entry: Entry
        self.hear = hear
        self.review = review
        self.when_empty: Callable[[int], None] | None = None
        """Called once, when the kernel has said that none of the addresses is left."""

    @property
    def key(self) -> str:
        """The name of its group of addresses, another one for each owner of the engine."""
        return self.holder.config.name

    @property
    def vips(self) -> VipGroup:
        return self.holder.config
