"""What a change of configuration means for the addresses of groups elected by Raft, as `outlook` says it for those of
VRRP instances. Pure.

Who owns a group is the cluster's business, and a reload of one node does not move it: an address comes and goes with
its group, or changes it. What hooks bind is theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from alived.config.model import Config
from alived.config.outlook import Fate, Outlook
from alived.raft.config import BoundBy
from alived.vip.config import VirtualAddress
from alived.vip.ownership_events import OwnershipSnapshot
from alived.vip.plan import Key, key_of
from alived.vrrp.config import State


class _Placed(msgspec.Struct, frozen=True):
    """An address and the group that has it."""

    group: str
    va: VirtualAddress


def outlook_of_leases(
    old: Config, new: Config, known: Mapping[str, OwnershipSnapshot] | None = None
) -> tuple[Outlook, ...]:
    """What becomes of each address that differs. known: the groups as they are now, None if nobody knows."""
    return tuple(_View(old, new, known).all())


class _View:
    def __init__(self, old: Config, new: Config, known: Mapping[str, OwnershipSnapshot] | None) -> None:
        self._old, self._new = _by_key(old), _by_key(new)
        self._before = {group.raft.name for group in old.raft_groups}
        self._after = {group.raft.name: group.raft.bound_by for group in new.raft_groups}
        self._known = known

    def all(self) -> Iterator[Outlook]:
        for key, before in self._old.items():
            after = self._new.get(key)
            found = self._gone(before) if after is None else self._stays(before, after)
            if found is not None:
                yield found
        for key, after in self._new.items():
            if key not in self._old:
                yield self._added(after)

    def _owns(self, group: str) -> bool:
        """Whether this node owns the group now, or nobody knows."""
        return self._known is None or (group in self._known and self._known[group].state is State.MASTER)

    def _if_owner(self, group: str, sentence: str) -> str:
        return f"if this node owns {group}: {sentence}" if self._known is None else sentence

    def _added(self, after: _Placed) -> Outlook:
        group = after.group
        if group in self._before and self._owns(group):
            sentence = self._if_owner(group, f"bound and announced at once, this node owns {group}")
        else:
            sentence = f"bound here when the cluster gives {group} to this node"
        return _outlook(after, Fate.NEW, sentence)

    def _gone(self, before: _Placed) -> Outlook | None:
        group = before.group
        if not self._owns(group):
            return None
        why = f"{group} has it no more"
        if group not in self._after:
            why = f"{group} is removed"
        elif self._after[group] is BoundBy.HOOKS:
            why = f"hooks bind the addresses of {group} from now on"
        return _outlook(before, Fate.GONE, self._if_owner(group, f"taken away from this node: {why}"))

    def _stays(self, before: _Placed, after: _Placed) -> Outlook | None:
        giver, taker = before.group, after.group
        if giver == taker:
            if before.va == after.va or not self._owns(taker):
                return None
            sentence = "taken away and bound again at once: its attributes differ"
            return _outlook(after, Fate.INTERRUPTED, self._if_owner(taker, sentence))
        if not self._owns(giver):
            return self._added(after)
        if taker not in self._before or not self._owns(taker):
            sentence = f"{giver} gives it to {taker}, which the cluster has not given to this node"
            return _outlook(after, Fate.INTERRUPTED, self._if_owner(giver, sentence))
        if before.va != after.va:
            sentence = f"from {giver} to {taker}; bound anew, since its attributes differ"
            return _outlook(after, Fate.INTERRUPTED, self._if_owner(taker, sentence))
        return _outlook(after, Fate.KEPT, self._if_owner(taker, f"from {giver} to {taker}: announced again"))


def _outlook(placed: _Placed, fate: Fate, sentence: str) -> Outlook:
    return Outlook(str(placed.va), placed.group, fate, sentence)


def _by_key(config: Config) -> dict[Key, _Placed]:
    return {
        key_of(va): _Placed(group.raft.name, va)
        for group in config.raft_groups
        if group.raft.bound_by is BoundBy.DAEMON
        for va in group.vips.addresses
    }
