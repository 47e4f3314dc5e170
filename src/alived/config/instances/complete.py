"""Draft -> Instance: everything put together, with authentication, accept mode and commands."""

from __future__ import annotations

from typing import Any

from alived.config.instances.addresses import bind, sort_addresses
from alived.config.instances.announcing import garp_policy
from alived.config.instances.draft import Draft, first_state, interval_cs, preemption
from alived.config.instances.network import interface, multicast_group, source, unicast, vmac
from alived.config.instances.tracking import tracked, trackers
from alived.config.keywords.shapes import Authentication, Deleted, Lifetime
from alived.config.keywords.table import Settings
from alived.config.model import Instance
from alived.hooks.config import NotifyScripts
from alived.owner import AllUnhealthy
from alived.vip.config import ConflictPolicy, VanishPolicy, VipGroup, VirtualAddress
from alived.vrrp.config import LAST_RESORT_PRIORITY, AuthType, Checksum, VrrpInstance

DOWN_TIMER_ADVERTS = 3
"""RFC 9568 section 6.1: Active_Down_Interval is 3 intervals and the skew time."""


def complete(draft: Draft, vmac_names: set[str]) -> Instance:
    """The instance as it will run. vmac_names: names of macvlans taken by instances before; the new one is added."""
    device = interface(draft)
    macvlan = vmac(draft, device, vmac_names)
    authentication = _authentication(draft)
    vips, excluded = sort_addresses(draft, authentication["auth_type"])
    vrrp = VrrpInstance(
        name=draft.name,
        interface=device,
        virtual_router_id=draft.require("virtual_router_id", 0, "virtual_router_id 1..255, the same on all nodes"),
        family=draft.family,
        version=draft.version,
        priority=draft.priority,
        advert_interval_cs=interval_cs(draft),
        initial_state=first_state(draft, authentication["auth_type"]),
        accept=_accept(draft),
        strict_mode=draft.strict,
        addresses=tuple(entry.vip.address for entry in vips),
        startup_delay_ns=draft.defaults.get("vrrp_startup_delay", 0),
        vmac=macvlan,
        multicast_group=multicast_group(draft),
        track_primary="dont_track_primary" not in draft.settings,
        track_interfaces=tracked(draft, device),
        skip_check_adv_addr=draft.get("skip_check_adv_addr", False),
        down_timer_adverts=_down_timer_adverts(draft),
        checksum=Checksum.MESSAGE_ONLY if draft.get("v3_checksum_as_v2", False) else Checksum.PSEUDO_HEADER,
        old_unicast_checksum=draft.get("old_unicast_checksum", False),
        timer_expired_backup=draft.settings.get("timer_expired_backup"),
        owner_ignore_adverts=draft.get("owner_ignore_adverts", False),
        all_unhealthy=_all_unhealthy(draft),
        auth_hmac=draft.settings.get("auth_hmac"),
        sync_group=draft.group.name if draft.group else "",
        **authentication,
        **preemption(draft),
        **_answers(draft),
        **source(draft),
        **unicast(draft),
    )
    return Instance(
        vrrp=vrrp,
        vips=vip_group(draft, bind(draft, (*vips, *excluded), device, macvlan)),
        notify=notify_scripts(draft.settings),
        notify_priority_changes=draft.get_from_group("notify_priority_changes", False),
        tracking=trackers(draft),
        smtp_alert=smtp_alert(draft.settings, draft.defaults),
    )


def _all_unhealthy(draft: Draft) -> AllUnhealthy:
    """The last resort has a priority of its own: all that are well need a higher one, and an owner has none but 255."""
    policy = AllUnhealthy(draft.get("all_unhealthy", AllUnhealthy.NONE))
    if policy is AllUnhealthy.NONE:
        return policy
    if draft.is_owner:
        message = "all_unhealthy best has no effect with priority 255, which nothing changes: FAULT"
        draft.warn("owner-weight", message, "all_unhealthy", hint="a priority below 255")
        return AllUnhealthy.NONE
    if draft.priority <= LAST_RESORT_PRIORITY:
        message = (
            f"priority {draft.priority}: with all_unhealthy best, 1 to {LAST_RESORT_PRIORITY} mean that it is unwell"
        )
        hint = f"priority {LAST_RESORT_PRIORITY + 1} or more"
        draft.fail("out-of-range", message, "priority", hint=hint)
    return policy


def _accept(draft: Draft) -> bool:
    accept: bool = draft.get("accept", draft.is_owner or not draft.strict)
    if accept and draft.strict and draft.version == 2 and not draft.is_owner:
        draft.warn("strict-mode", "strict mode: VRRP version 2 has no accept mode, packets are dropped", "accept")
        return False
    return accept


def _down_timer_adverts(draft: Draft) -> int:
    adverts: int = draft.get("down_timer_adverts", DOWN_TIMER_ADVERTS)
    if draft.strict and adverts != DOWN_TIMER_ADVERTS:
        draft.warn("strict-mode", f"strict mode: down_timer_adverts is {DOWN_TIMER_ADVERTS}", "down_timer_adverts")
        return DOWN_TIMER_ADVERTS
    return adverts


def _answers(draft: Draft) -> dict[str, Any]:
    """lower_prio_no_advert and higher_prio_send_advert: strict mode decides both.

    The second is on unless it is switched off (keepalived: off). After a healed split the router that gives way may
    have announced the addresses last; only its parting advert tells the survivor to announce them again.
    """
    wanted = {"lower_prio_no_advert": True, "higher_prio_send_advert": False}
    if not draft.strict:
        return {
            "lower_prio_no_advert": draft.get("lower_prio_no_advert", False),
            "higher_prio_send_advert": draft.get("higher_prio_send_advert", True),
        }
    for field, value in wanted.items():
        if draft.settings.get(field, value) is not value:
            draft.warn("strict-mode", f"strict mode: {field} is {'on' if value else 'off'}", field)
    return wanted


def _authentication(draft: Draft) -> dict[str, Any]:
    """What goes into packets; none where there cannot be any."""
    given: Authentication | None = draft.settings.get("authentication")
    reason = _why_no_authentication(draft, given) if given else ""
    if reason:
        draft.warn("authentication-skipped", f"authentication is skipped: {reason}", "authentication")
    if given is None or reason:
        return {"auth_type": AuthType.NONE, "auth_pass": ""}
    return {"auth_type": given.type, "auth_pass": given.password}


def _why_no_authentication(draft: Draft, given: Authentication) -> str:
    if draft.strict:
        return "strict mode"
    if draft.version == 3:
        return "VRRP version 3 has none"
    return "" if given.password else "auth_pass is missing"


def notify_scripts(settings: Settings) -> NotifyScripts:
    deleted: Deleted | None = settings.get("notify_deleted")
    events = ("master", "backup", "fault", "stop")
    scripts = {event: settings.get(f"notify_{event}") for event in events}
    return NotifyScripts(
        notify=settings.get("notify"),
        deleted=deleted.script if deleted else None,
        says_deleted=deleted is not None,
        master_rx_lower_pri=settings.get("notify_master_rx_lower_pri"),
        **scripts,
    )


def smtp_alert(settings: Settings, defaults: Settings) -> bool:
    """Whether changes are mailed: what the block says, else `smtp_alert_vrrp`, else `smtp_alert` of `global_defs`."""
    alert: bool = settings.get("smtp_alert", defaults.get("smtp_alert_vrrp", defaults.get("smtp_alert", False)))
    return alert


def vip_group(draft: Draft, addresses: tuple[VirtualAddress, ...]) -> VipGroup:
    """The addresses of an instance with all that is said about binding and announcing them."""
    lifetime: Lifetime = draft.get("address_lifetime", Lifetime(None))
    return VipGroup(
        name=draft.name,
        addresses=addresses,
        garp=garp_policy(draft),
        conflict=ConflictPolicy(draft.get("conflict_check", ConflictPolicy.TAKE)),
        vanish=VanishPolicy(draft.get("vip_vanish", VanishPolicy.RESTORE)),
        lifetime_s=lifetime.seconds,
        promote_secondaries="promote_secondaries" in draft.settings,
        routes=tuple(entry.value for entry in draft.settings.get("virtual_routes", ())),
        rules=tuple(entry.value for entry in draft.settings.get("virtual_rules", ())),
    )
