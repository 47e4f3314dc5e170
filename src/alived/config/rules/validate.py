"""Rules within one file. Each is a small function: a plan in, diagnostics out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.rules.addresses import duplicate_vip, not_a_host, outside_subnet, virtual_as_own
from alived.config.rules.announcing import zero_repeats
from alived.config.rules.checks import circular_checks, unknown_members, unknown_virtual_servers
from alived.config.rules.groups import group_members, mixed_owners, mixed_preemption
from alived.config.rules.mail import half_of_a_login, mail_without_server, nobody_to_mail
from alived.config.rules.peers import duplicate_peer, impossible_router
from alived.config.rules.routers import duplicate_vrid
from alived.config.rules.scripts import shell_syntax, slow_scripts, unused_trackers
from alived.config.rules.weights import clamped_priority

RULES: tuple[Callable[[Plan], Iterator[Diagnostic]], ...] = (
    duplicate_vrid,
    duplicate_vip,
    virtual_as_own,
    not_a_host,
    outside_subnet,
    duplicate_peer,
    impossible_router,
    group_members,
    mixed_owners,
    mixed_preemption,
    clamped_priority,
    shell_syntax,
    slow_scripts,
    unused_trackers,
    unknown_members,
    unknown_virtual_servers,
    circular_checks,
    mail_without_server,
    nobody_to_mail,
    half_of_a_login,
    zero_repeats,
)


def validate(plan: Plan) -> Iterator[Diagnostic]:
    """What all rules find."""
    for rule in RULES:
        yield from rule(plan)
