"""A tree of blocks -> Config, through the keyword tables. Documents in YAML become such a tree first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alived.base import Location
from alived.config.findings import Findings
from alived.config.instances.complete import complete
from alived.config.instances.draft import Draft
from alived.config.instances.groups import read_group, sync_groups, with_first_states
from alived.config.instances.plan import InstancePlan, Plan
from alived.config.keywords.global_defs import GLOBAL
from alived.config.keywords.table import Settings, Status, read_settings, report_status, report_unknown
from alived.config.keywords.top import TOP
from alived.config.keywords.vrrp import INSTANCE
from alived.config.model import Config, GlobalDefs
from alived.config.rules.validate import validate
from alived.config.text.blocks import Block


def read_tree(blocks: Iterable[Block], file: str, findings: Findings) -> Config:
    """The configuration that the blocks describe. It may run only if `findings` has no error afterwards."""
    by_keyword = _sort(blocks, findings)
    defaults = _global_settings(by_keyword["global_defs"], file, findings)
    groups = [read_group(block, findings) for block in _named(by_keyword["vrrp_sync_group"], findings)]
    group_of = {member: group for group in reversed(groups) for member in group.vrrp.members}
    vmac_names: set[str] = set()
    instances: list[InstancePlan] = []
    for block in _named(by_keyword["vrrp_instance"], findings):
        name = block.arguments[0].text
        settings = read_settings(block, INSTANCE, findings)
        draft = Draft(name, settings, defaults, findings, group_of.get(name))
        instances.append(InstancePlan(complete(draft, vmac_names), settings))
    plan = Plan(Location(file), tuple(instances), tuple(groups))
    findings.extend(validate(plan))
    if not instances and not findings.has_errors:
        message = "there is no vrrp_instance: nothing would run"
        findings.error(Location(file), "no-instance", message, "vrrp_instance NAME { ... }")
    return Config(
        global_defs=_global_defs(defaults),
        instances=with_first_states(groups, instances),
        sync_groups=sync_groups(groups, instances, findings),
    )


def _sort(blocks: Iterable[Block], findings: Findings) -> dict[str, list[Block]]:
    sorted_blocks: dict[str, list[Block]] = {row.name: [] for row in TOP.values() if row.status is Status.WORKS}
    for block in blocks:
        row = TOP.get(block.keyword)
        if row is None:
            report_unknown(block, "", TOP, findings)
        elif row.status is not Status.WORKS:
            report_status(block, row, findings)
        elif block.children is None:
            message = f"{block.keyword!r} needs a block: '{{' is missing"
            findings.error(block.location, "missing-brace", message, f"{block.keyword} NAME {{ ... }}")
        else:
            sorted_blocks[block.keyword].append(block)
    return sorted_blocks


def _named(blocks: Iterable[Block], findings: Findings) -> Iterable[Block]:
    """Blocks that have a name, each name once."""
    seen: dict[str, Location] = {}
    for block in blocks:
        if not block.arguments:
            message = f"{block.keyword!r} needs a name"
            findings.error(block.location, "missing-argument", message, f"{block.keyword} NAME {{ ... }}")
            continue
        name = block.arguments[0]
        if len(block.arguments) > 1:
            message = f"the name of {block.keyword!r} is one word: {block.arguments[1].text!r} is too much"
            findings.error(block.arguments[1].location, "extra-arguments", message, "use '_' or double quotes")
        if name.text in seen:
            message = f"{block.keyword} {name.text!r} is already defined in line {seen[name.text].line}"
            findings.error(name.location, "duplicate-name", message, "give each its own name")
            continue
        seen[name.text] = name.location
        yield block


def _global_settings(blocks: Iterable[Block], file: str, findings: Findings) -> Settings:
    """All `global_defs` blocks add up to one."""
    children = tuple(child for block in blocks for child in block.children or ())
    for block in blocks:
        for argument in block.arguments:
            findings.warning(argument.location, "extra-arguments", f"{argument.text!r} after global_defs is skipped")
    whole = Block("global_defs", Location(file), (), children)
    return read_settings(whole, GLOBAL, findings)


_SAME_NAME = (
    "router_id",
    "rt_priority",
    "no_swap",
    "cpu_affinity",
    "enable_script_security",
    "log_unknown_vrids",
    "dynamic_interfaces",
    "process_name",
)
"""Fields of GlobalDefs that take the setting as it is."""


def _global_defs(settings: Settings) -> GlobalDefs:
    user, group = settings.get("script_user", ("", ""))
    said: dict[str, Any] = {field: settings.get(field) for field in _SAME_NAME if field in settings}
    return GlobalDefs(
        startup_delay_ns=settings.get("vrrp_startup_delay", 0),
        delay_after_boot_ns=settings.get("vrrp_delay_after_boot", 0),
        script_user=user,
        script_group=group,
        **said,
    )
