"""An instance between its text and its value: what it says, what it inherits, and what follows from both.

keepalived fills in and corrects a lot after it has read a file (vrrp.c, vrrp_complete_instance). The same happens
here and in `complete.py`, in the same order, but everything that changes what the text says is reported.
"""

from __future__ import annotations

from typing import Any

from alived.base import NS_PER_CS, NS_PER_S, Family, Location
from alived.config.findings import Findings
from alived.config.instances.plan import GroupPlan
from alived.config.instances.trackers import Known
from alived.config.keywords.converters import Address
from alived.config.keywords.lists import PeerEntry, VipEntry
from alived.config.keywords.table import Setting, Settings
from alived.vrrp.config import OWNER_PRIORITY, AuthType, State

DEFAULT_PRIORITY = 100
MAX_V3_INTERVAL_CS = 4095


class Draft:
    """Settings of an instance with the defaults of `global_defs` behind them, and what was derived so far."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        defaults: Settings,
        findings: Findings,
        group: GroupPlan | None,
        known: Known,
    ) -> None:
        self.name = name
        self.group = group
        self.known = known
        self.settings = settings
        self.defaults = defaults
        self.findings = findings
        self.values = {**defaults.values, **settings.values}
        self.strict: bool = self.get("strict_mode", False)
        self.vips: tuple[VipEntry, ...] = self.get("virtual_ipaddress", ())
        self.excluded: tuple[VipEntry, ...] = self.get("virtual_ipaddress_excluded", ())
        self.family = _family(self)
        self.version = _version(self)
        self.priority, self.state = _election(self)
        self.peers: tuple[PeerEntry, ...] = self.get("unicast_peer", ())
        self.unicast: bool = "unicast_peer" in settings or self.get("unicast_fault_no_peer", False)

    def get(self, field: str, default: Any) -> Any:
        """What the instance says, else `global_defs`, else the default."""
        return self.values.get(field, default)

    def place(self, *fields: str) -> Location:
        return self.settings.place(*fields)

    def warn(self, code: str, message: str, *fields: str, hint: str = "") -> None:
        self.findings.warning(self.place(*fields), code, f"{self.name}: {message}", hint)

    def fail(self, code: str, message: str, *fields: str, hint: str = "") -> None:
        self.findings.error(self.place(*fields), code, f"{self.name}: {message}", hint)

    def get_from_group(self, field: str, default: Any) -> Any:
        """What the instance says, else its sync group, else `global_defs`, else the default."""
        if field not in self.settings and self.group is not None and field in self.group.settings:
            return self.group.settings.get(field)
        return self.get(field, default)

    @property
    def is_owner(self) -> bool:
        return self.priority == OWNER_PRIORITY

    def require(self, field: str, missing: Any, hint: str) -> Any:
        """A value without which the instance cannot run; said once, not again if its value was wrong."""
        if field not in self.settings and field not in self.settings.tried:
            self.fail("missing-keyword", f"{field} is missing", hint=hint)
        return self.settings.get(field, missing)


def family_of(setting: Setting) -> Family | None:
    """The family that a setting speaks for, if any."""
    value = setting.value
    if setting.keyword == "native_ipv6":
        return Family.IPV6
    if isinstance(value, Address):
        return value.family
    if setting.keyword in ("unicast_peer", "virtual_ipaddress") and value:
        family: Family = value[0].family if setting.keyword == "unicast_peer" else value[0].address.family
        return family
    return None


def _family(draft: Draft) -> Family:
    """The first statement that has a family decides, as in keepalived; IPv4 if there is none."""
    families = (family_of(setting) for _, setting in draft.settings)
    return next((family for family in families if family is not None), Family.IPV4)


def _version(draft: Draft) -> int:
    said: int | None = draft.settings.get("version")
    if draft.family is Family.IPV4:
        version: int = said if said is not None else draft.defaults.get("version", 2)
        return version
    if said == 2:
        draft.warn("version-changed", "VRRP version 2 knows no IPv6: version 3 is used", "version", hint="version 3")
    return 3


def _election(draft: Draft) -> tuple[int, State]:
    """Priority and first state, each derived from the other if only one is said."""
    state: State | None = draft.settings.get("state")
    priority: int | None = draft.settings.get("priority")
    if priority is None and "priority" in draft.settings.tried:
        priority = DEFAULT_PRIORITY
    if priority is None and state is State.MASTER:
        priority = OWNER_PRIORITY
        message = "state MASTER without a priority: priority 255, the owner of the addresses (as keepalived)"
        draft.warn("priority-from-state", message, "state", hint="say which priority it shall have")
    if priority is None:
        priority = DEFAULT_PRIORITY
    owner = priority == OWNER_PRIORITY
    if draft.strict and state is not None and (state is State.MASTER) != owner:
        message = f"strict mode: state {state} does not fit priority {priority}, it begins as "
        state = State.MASTER if owner else State.BACKUP
        draft.warn("strict-mode", message + state, "state", hint="state MASTER is for priority 255 only")
    if state is None:
        state = State.MASTER if owner else State.BACKUP
    return priority, state


def first_state(draft: Draft, auth_type: AuthType) -> State:
    """AH counts packets: a router that has heard nobody yet does not know where to begin, and must not be MASTER."""
    if auth_type is AuthType.AH and draft.state is State.MASTER and not draft.is_owner:
        draft.warn("state-changed", "state MASTER does not go with authentication AH: BACKUP is used", "state")
        return State.BACKUP
    return draft.state


def preemption(draft: Draft) -> dict[str, Any]:
    """nopreempt and preempt_delay, cleared where they cannot work."""
    nopreempt: bool = draft.get("nopreempt", False)
    delay: int = draft.get("preempt_delay", 0)
    if nopreempt and draft.is_owner:
        draft.warn(
            "nopreempt-cleared", "nopreempt has no effect with priority 255: an owner always preempts", "nopreempt"
        )
        nopreempt = False
    if nopreempt and draft.state is State.MASTER:
        message = "nopreempt has no effect with state MASTER: it preempts"
        draft.warn("nopreempt-cleared", message, "nopreempt", hint="state BACKUP on all nodes")
        nopreempt = False
    reason = _why_no_delay(draft, nopreempt) if delay else ""
    if reason:
        draft.warn("preempt-delay-cleared", f"preempt_delay has no effect {reason}", "preempt_delay")
        delay = 0
    return {"nopreempt": nopreempt, "preempt_delay_ns": delay}


def _why_no_delay(draft: Draft, nopreempt: bool) -> str:
    if draft.state is State.MASTER:
        return "with state MASTER"
    if draft.is_owner:
        return "with priority 255"
    if draft.strict:
        return "in strict mode"
    return "with nopreempt" if nopreempt else ""


def interval_cs(draft: Draft) -> int:
    """The interval in centiseconds. What the version cannot say in a packet is an error: keepalived rounds it in
    silence of all but its log, and two nodes then disagree."""
    interval_ns: int = draft.get("advert_int", NS_PER_S)
    text = f"advert_int {interval_ns / NS_PER_S:g}"
    if draft.version == 2:
        if interval_ns % NS_PER_S:
            message = f"{text}: VRRP version 2 has whole seconds only"
            draft.fail(
                "interval", message, "advert_int", hint="vrrp_version 3 in global_defs of all nodes, or whole seconds"
            )
        return interval_ns // NS_PER_CS
    if interval_ns % NS_PER_CS:
        rounded = max(1, round(interval_ns / NS_PER_CS))
        message = f"{text} is not a multiple of 0.01 s: {rounded / 100:g} is used"
        draft.warn("interval-rounded", message, "advert_int")
        return rounded
    if interval_ns > MAX_V3_INTERVAL_CS * NS_PER_CS:
        message = f"{text}: VRRP version 3 knows at most {MAX_V3_INTERVAL_CS / 100:g} s"
        draft.fail("interval", message, "advert_int", hint=f"0.01 to {MAX_V3_INTERVAL_CS / 100:g}")
    return interval_ns // NS_PER_CS
