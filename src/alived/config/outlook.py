"""What a change of configuration means for the virtual addresses of this node: which stay, move, go, or may move to
another node, and why. Pure.

Where the states of the instances are known, it says what will be; else what would be if this node were MASTER. What
depends on routers that were never heard (a BACKUP says nothing) is a "may".
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from alived.config.change import Change, Kind, instance_changes
from alived.config.model import Config, Instance
from alived.vip.config import VirtualAddress
from alived.vip.plan import Key, key_of
from alived.vrrp.config import OWNER_PRIORITY, State
from alived.vrrp.events import InstanceSnapshot
from alived.vrrp.timers import master_down_interval_ns, seconds


class Fate(enum.StrEnum):
    KEPT = "kept"
    """It changes its instance and is never away."""
    NEW = "new"
    GONE = "gone"
    INTERRUPTED = "interrupted"
    """This node takes it away and has it again later, if no other router has it by then."""
    MAY_MOVE = "may move"
    """To or from another router, by election."""


class Outlook(msgspec.Struct, frozen=True):
    """Of one address. instance: the one that has it after the change, else the one that had it."""

    address: str
    instance: str
    fate: Fate
    sentence: str

    def __str__(self) -> str:
        return f"{self.address} {self.fate}: {self.sentence}"


MUST_AGREE = frozenset(
    {
        "auth_type",
        "auth_pass",
        "unicast",
        "mcast_dst_ip",
        "checksum",
        "old_unicast_checksum",
    }
)
"""Routers that differ in one of these do not accept each other's adverts."""


class _Placed(msgspec.Struct, frozen=True):
    """An address and whose it is."""

    instance: Instance
    va: VirtualAddress

    @property
    def name(self) -> str:
        return self.instance.vrrp.name

    @property
    def goes_with_device(self) -> bool:
        """Whether it is on the virtual MAC device of its instance."""
        vmac = self.instance.vrrp.vmac
        return vmac is not None and vmac.name == self.va.interface


def outlook(
    old: Config, new: Config, changes: Sequence[Change], known: Mapping[str, InstanceSnapshot] | None = None
) -> tuple[Outlook, ...]:
    """What becomes of each address that the changes concern; nothing of those that stay as they are.

    changes: those that `compare` found between the two. known: the instances as they are now, None if nobody knows.
    """
    return tuple(_View(old, new, changes, known).all())


class _View:
    def __init__(
        self, old: Config, new: Config, changes: Sequence[Change], known: Mapping[str, InstanceSnapshot] | None
    ) -> None:
        self._old, self._new = _by_key(old), _by_key(new)
        self._after = {instance.vrrp.name: instance for instance in new.instances}
        self._changes = {change.name: change for change in instance_changes(changes)}
        self._known = known
        self._pulled = self._pulled_by_groups(old, new)

    def all(self) -> Iterator[Outlook]:
        for before, after in self._pairs():
            found = self._of(before, after)
            if found is not None and found.fate in (Fate.KEPT, Fate.NEW) and found.instance in self._pulled:
                sentence = f"{found.sentence}; {self._pulled[found.instance]}"
                found = Outlook(found.address, found.instance, Fate.MAY_MOVE, sentence)
            if found is not None:
                yield found

    def _pairs(self) -> Iterator[tuple[_Placed | None, _Placed | None]]:
        """Each address before and after, the same one if it only has another device or prefix length."""
        fresh = {placed.va.address: key for key, placed in self._new.items() if key not in self._old}
        left = dict(self._new)
        for key, placed in self._old.items():
            yield placed, left.pop(key if key in left else fresh.get(placed.va.address, key), None)
        for placed in left.values():
            yield None, placed

    def _of(self, before: _Placed | None, after: _Placed | None) -> Outlook | None:
        if before is None:
            assert after
            return self._added(after)
        if after is None:
            return self._gone(before)
        if before.name != after.name:
            return self._handed_over(before, after)
        return self._stays(before, after)

    # -- what is known --

    def _may_hold(self, name: str) -> bool:
        """Whether the instance is MASTER now, or nobody knows."""
        return self._known is None or (name in self._known and self._known[name].state is State.MASTER)

    def _if_master(self, name: str, sentence: str) -> str:
        return f"if {name} is MASTER here: {sentence}" if self._known is None else sentence

    def _takes_over_at_once(self, instance: Instance) -> bool:
        """An owner that starts need not listen first (RFC 9568 section 6.4.1), but a member of a group does."""
        vrrp = instance.vrrp
        return vrrp.priority == OWNER_PRIORITY and not vrrp.sync_group and not vrrp.startup_delay_ns

    def _listens(self, instance: Instance) -> str:
        vrrp = instance.vrrp
        if vrrp.priority == OWNER_PRIORITY:
            return (
                f"{vrrp.name} waits for {f'sync group {vrrp.sync_group}' if vrrp.sync_group else 'its start-up delay'}"
            )
        interval_ns = master_down_interval_ns(
            vrrp.version, vrrp.priority, vrrp.advert_interval_cs, vrrp.down_timer_adverts
        )
        return f"{vrrp.name} listens {seconds(interval_ns)} for another MASTER first"

    def _pulled_by_groups(self, old: Config, new: Config) -> dict[str, str]:
        """Why members of a group move: it is MASTER as a whole, and one that starts or comes to it may not be."""
        group_before = {instance.vrrp.name: instance.vrrp.sync_group for instance in old.instances}
        found: dict[str, str] = {}
        for group in new.sync_groups:
            name = group.vrrp.name
            for member in group.vrrp.members:
                change = self._changes.get(member)
                if change and change.kind in (Kind.ADDED, Kind.REPLACED):
                    why = f"{member} starts as BACKUP and takes sync group {name} along"
                elif group_before.get(member) != name and not self._all_are_master(group.vrrp.members):
                    why = f"{member} comes to sync group {name}, which is MASTER as a whole or not at all"
                else:
                    continue
                found |= dict.fromkeys(group.vrrp.members, why)
                break
        return found

    def _all_are_master(self, names: Sequence[str]) -> bool:
        return self._known is not None and all(map(self._may_hold, names))

    # -- the cases --

    def _added(self, after: _Placed) -> Outlook:
        change, name = self._changes[after.name], after.name
        if change.kind is not Kind.CHANGED:
            at_once = self._takes_over_at_once(after.instance)
            sentence = f"{name} takes over at once (priority 255)" if at_once else self._listens(after.instance)
        elif self._may_hold(name):
            sentence = self._if_master(name, f"bound and announced at once, {name} is MASTER here")
        else:
            sentence = f"bound here when {name} is MASTER"
        return _outlook(after, Fate.NEW, sentence)

    def _gone(self, before: _Placed) -> Outlook | None:
        if not self._may_hold(before.name):
            return None
        why = f"{before.name} is removed" if before.name not in self._after else f"{before.name} has it no more"
        return _outlook(before, Fate.GONE, self._if_master(before.name, f"taken away from this node: {why}"))

    def _handed_over(self, before: _Placed, after: _Placed) -> Outlook | None:
        giver, taker = before.name, after.name
        stays = self._changes[taker].kind is Kind.CHANGED
        if not self._may_hold(giver):
            return self._added(after) if not stays or self._may_hold(taker) else None
        if stays and self._may_hold(taker):
            both = "both are" if self._known is None else "which is"
            return self._passed_on(before, after, f"from {giver} to {taker}, {both} MASTER here: announced again")
        if not stays and self._takes_over_at_once(after.instance):
            sentence = self._if_master(giver, f"from {giver} to {taker}, which takes over at once (priority 255)")
            return self._passed_on(before, after, sentence)
        why = f"{taker} is not MASTER here" if stays else self._listens(after.instance)
        return _outlook(after, Fate.INTERRUPTED, self._if_master(giver, f"{giver} gives it to {taker}: {why}"))

    def _passed_on(self, before: _Placed, after: _Placed, sentence: str) -> Outlook:
        """An address stays bound if it is the same in every respect, and its device does not go."""
        why = ""
        if before.va != after.va:
            why = "; bound anew, since its attributes differ"
        elif before.goes_with_device and self._changes[before.name].kind is not Kind.CHANGED:
            why = f"; {before.va.interface} is made anew"
        return _outlook(after, Fate.INTERRUPTED if why else Fate.KEPT, sentence + why)

    def _stays(self, before: _Placed, after: _Placed) -> Outlook | None:
        change = self._changes.get(after.name)
        if change is None or change.kind is Kind.CHANGED:
            return self._stays_in_place(before, after, change)
        name = after.name
        starts = f"{name} stops as it is and starts as another virtual router: {self._listens(after.instance)}"
        if not self._may_hold(name):
            at_once = self._takes_over_at_once(after.instance)
            return self._added(after) if at_once else _outlook(after, Fate.MAY_MOVE, starts)
        if self._takes_over_at_once(after.instance):
            sentence = f"{name} is another virtual router and takes over at once (priority 255)"
            return self._passed_on(before, after, self._if_master(name, sentence))
        return _outlook(after, Fate.INTERRUPTED, self._if_master(name, starts))

    def _stays_in_place(self, before: _Placed, after: _Placed, change: Change | None) -> Outlook | None:
        name = after.name
        if before.va != after.va and self._may_hold(name):
            sentence = self._if_master(name, "taken away and bound again at once: its attributes differ")
            return _outlook(after, Fate.INTERRUPTED, sentence)
        reasons = [*self._election(before.instance, after.instance, change)] if change else []
        if name in self._pulled and self._may_hold(name):
            reasons.append(self._if_master(name, self._pulled[name]))
        return _outlook(after, Fate.MAY_MOVE, "; ".join(reasons)) if reasons else None

    def _election(self, before: Instance, after: Instance, change: Change) -> Iterator[str]:
        """Why the election may come to another result."""
        fields = {difference.field.partition("[")[0] for difference in change.differences}
        if before.vrrp.priority != after.vrrp.priority or "nopreempt" in fields:
            yield from self._rank(before, after)
        must = fields & MUST_AGREE
        if after.vrrp.version == 2 and "advert_int" in fields:
            must |= {"advert_int"}
        if must:
            yield f"the other routers need the same {', '.join(sorted(must))}: until then each may think it is alone"
        if "track_interface" in fields or f"what sync group {after.vrrp.sync_group} tracks" in fields:
            yield "what is tracked differs: a link that is down counts at once"

    def _rank(self, before: Instance, after: Instance) -> Iterator[str]:
        """Another priority: what it does against those who were heard."""
        name, priority = after.vrrp.name, after.vrrp.priority
        now = self._known.get(name) if self._known is not None else None
        if now is not None and now.state is not State.MASTER:
            own = priority + (now.priority - now.base_priority if priority != OWNER_PRIORITY else 0)
            master = next((peer for peer in now.peers if peer.address == now.master), None)
            if master and own > master.priority and (priority == OWNER_PRIORITY or not after.vrrp.nopreempt):
                yield f"{name} takes over from {master.address}: {own} > {master.priority}"
        elif priority < before.vrrp.priority:
            yield self._if_master(name, f"a router with a priority above {priority} takes over from {name}")


def _outlook(placed: _Placed, fate: Fate, sentence: str) -> Outlook:
    return Outlook(str(placed.va), placed.name, fate, sentence)


def _by_key(config: Config) -> dict[Key, _Placed]:
    return {key_of(va): _Placed(instance, va) for instance in config.instances for va in instance.vips.addresses}
