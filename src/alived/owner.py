"""What an owner of addresses is and hears, whoever elects it: VRRP, where the owner is the MASTER, or Raft."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from alived.base import Event, in_brief

TOLD_FAULTS = 3


class State(enum.StrEnum):
    """States of an instance; keepalived's words (docs and logs), RFC 9568 section 6.3 in brackets."""

    INIT = "INIT"
    """Not started yet, or stopped (Initialize)."""
    BACKUP = "BACKUP"
    """(Backup)"""
    MASTER = "MASTER"
    """(Active)"""
    FAULT = "FAULT"
    """May not run: its `faults` say why (Initialize)."""


class AllUnhealthy(enum.StrEnum):
    """What becomes of the addresses when on every node something fails without which it may not own them."""

    NONE = "none"
    """Nobody owns them: such a node is in FAULT."""
    BEST = "best"
    """Such a node may own them as a last resort, while nobody else does. Without a link it is in FAULT as ever."""


class HookEvent(enum.StrEnum):
    """When a hook runs. The first four are vip-switch's, the others stand around the addresses themselves."""

    TO_READY = "ToReady"
    """The daemon has started."""
    TO_MASTER = "ToMaster"
    """This node has become the owner."""
    TO_SLAVE = "ToSlave"
    """This node is not, or no longer, the owner."""
    TO_DESTROY = "ToDestroy"
    """The daemon ends."""
    BEFORE_BIND = "before_bind"
    """May veto: on failure with `abort` the addresses are not bound."""
    AFTER_BIND = "after_bind"
    BEFORE_UNBIND = "before_unbind"
    AFTER_UNBIND = "after_unbind"


class Startup(Event, frozen=True, tag=True):
    """Begin to take part (RFC 9568 section 6.4.1). Faults that were reported before still hold.

    waits_for: what must be known before, as a sentence; the instance shows it and stays as it is until it is said to
    start again, without it.
    """

    waits_for: str = ""


class Shutdown(Event, frozen=True, tag=True):
    """Stop taking part: the addresses are given up (a MASTER of VRRP says so with priority 0, section 6.4.3)."""

    reason: str = "the daemon stops"


class FaultRaised(Event, frozen=True, tag=True):
    """A condition under which the instance may not run. `cause` is its key, e.g. "interface eth0"; `reason` the
    sentence. Several causes add up; the instance is in FAULT while there is one."""

    cause: str
    reason: str


class FaultCleared(Event, frozen=True, tag=True):
    cause: str


class PriorityChanged(Event, frozen=True, tag=True):
    """Trackers gave another effective priority, 1..254 (never sent to an owner of VRRP, whose priority is 255)."""

    priority: int
    reason: str


def why_in_fault(faults: Mapping[str, str]) -> str:
    """The worst of its faults, and how many more there are; the status has all. faults: by cause, in the order in which
    they came. A link that is missing explains the others best, and else what failed first."""
    by_weight = sorted(faults, key=lambda cause: not cause.startswith("interface "))
    return in_brief([faults[cause] for cause in by_weight], TOLD_FAULTS)
