"""What the gate of hooks around addresses hears (events) and wants (effects)."""

from __future__ import annotations

from collections.abc import Mapping

from alived.base import DeadlineReached, Effect, Event
from alived.owner import HookEvent
from alived.vip.events import OwnershipFailed, OwnershipPossible

Limits = Mapping[HookEvent, int]
"""The events that have hooks -> nanoseconds after which all of them must have ended, repetitions included."""


class GateOpened(Event, frozen=True, tag=True):
    """The instance takes part from now on. If it owns nothing, its hooks are told so: who knows what was before."""


class Elected(Event, frozen=True, tag=True):
    """This node is to own the addresses: `BindAllowed` follows, at once if no hook stands before it."""


class Bound(Event, frozen=True, tag=True):
    """The addresses have been asked of the kernel and announced. The answer to `BindAllowed`."""


class Dismissed(Event, frozen=True, tag=True):
    """This node is not to own them. planned: nobody else does yet, so the hooks before it may end first."""

    planned: bool = False


class Unbound(Event, frozen=True, tag=True):
    """The addresses are gone. Follows `UnbindDue`, at once or later."""


class HookEnded(Event, frozen=True, tag=True, kw_only=True):
    """All hooks of that event have ended. Not ok: one of them failed for good, and that shall mean something."""

    event: HookEvent
    number: int
    ok: bool
    reason: str = ""


class HooksChanged(Event, frozen=True, tag=True):
    """A reload. What is waited for is still waited for."""

    limits: Limits


GateEvent = GateOpened | Elected | Bound | Dismissed | Unbound | HookEnded | HooksChanged | DeadlineReached


class BindAllowed(Effect, frozen=True, tag=True):
    """Bind the addresses, then say `Bound`."""


class UnbindDue(Effect, frozen=True, tag=True):
    """Remove the addresses, then say `Unbound`. What follows it in the same step is no reason to wait."""


class HooksDue(Effect, frozen=True, tag=True):
    """Run the hooks of this event, after those of all earlier ones; `HookEnded` with this number answers."""

    event: HookEvent
    number: int


GateEffect = BindAllowed | UnbindDue | HooksDue | OwnershipFailed | OwnershipPossible
