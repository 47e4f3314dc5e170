"""A tree of blocks -> Config, through the keyword tables. Documents in YAML become such a tree first.

The whole file is a block of the table TOP: what it says goes by field into `Config`, as it is or through `MODEL`.
Instances and sync groups are completed from all that was said about them, in `alived.config.instances`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from alived.base import Location
from alived.config.findings import Findings
from alived.config.instances.complete import complete
from alived.config.instances.draft import Draft
from alived.config.instances.global_defs import global_defs
from alived.config.instances.groups import plan_group, sync_groups, with_first_states
from alived.config.instances.plan import InstancePlan, Plan
from alived.config.instances.raft import read_raft
from alived.config.instances.statics import statics
from alived.config.instances.trackers import known_trackers
from alived.config.keywords.definitions import Definition, unique
from alived.config.keywords.global_defs import GLOBAL
from alived.config.keywords.table import Settings, read_settings
from alived.config.keywords.top import TOP
from alived.config.model import Config
from alived.config.rules.objects import unknown_objects
from alived.config.rules.validate import validate
from alived.config.services.named_checks import named_checks
from alived.config.services.read import read_services
from alived.config.text.blocks import Block
from alived.health.checks_config import CombinedCheck, NamedCheck


def values(definitions: Iterable[Definition]) -> tuple[Any, ...]:
    """What the blocks of a keyword have made, without those that were wrong."""
    return tuple(one.value for one in definitions if one.value is not None)


def _as_it_is(value: Any) -> Any:
    return value


MODEL: Mapping[str, Callable[[Any], Any]] = {
    "vrrp_scripts": values,
    "track_processes": values,
    "track_files": values,
    "gateways": values,
    "units": values,
    "bfd_instances": values,
    "vip_conf": _as_it_is,
    "hooks": tuple,
    "logging": _as_it_is,
    "web": _as_it_is,
    "notifications": lambda section: section.value,
    "net_namespace_ipvs": _as_it_is,
}
"""Field of Config -> how it is made of the setting of the same name at the top level."""


def read_tree(blocks: Iterable[Block], file: str, findings: Findings) -> tuple[Config, Plan]:
    """The configuration that the blocks describe, and the same with its places. It may run only if `findings` has no
    error afterwards."""
    tree = tuple(blocks)
    said = read_settings(Block("", Location(file), (), tree), TOP, findings)
    defaults = _global_settings(said, findings)
    checks = named_checks(said, defaults, findings)
    known = known_trackers(said, checks, findings)
    groups = [plan_group(one, known, findings) for one in _once("vrrp_sync_group", said, findings)]
    group_of = {member: group for group in reversed(groups) for member in group.vrrp.members}
    vmac_names: set[str] = set()
    instances: list[InstancePlan] = []
    for one in _once("vrrp_instance", said, findings):
        draft = Draft(one.name, one.settings, defaults, findings, group_of.get(one.name), known)
        instances.append(InstancePlan(complete(draft, vmac_names), one.settings))
    plan = Plan(Location(file), tuple(instances), tuple(groups), said, defaults, tree)
    findings.extend(validate(plan))
    others = {field: make(said.values[field]) for field, make in MODEL.items() if field in said}
    others.update(statics(said, defaults, instances, findings))
    others.update(read_services(said, defaults, findings))
    others.update(read_raft(said, defaults, known, instances, findings))
    runs = instances or others.get("raft_groups") or others.get("virtual_servers")
    if not runs and not findings.has_errors and said.values.keys() != {"vip_conf"}:
        _report_idle(said.location, any(others.values()), findings)
    config = Config(
        global_defs=global_defs(defaults, instances, findings),
        instances=with_first_states(groups, instances),
        sync_groups=sync_groups(groups, instances, defaults, findings),
        checks=tuple(one.value for one in checks.values() if isinstance(one.value, NamedCheck)),
        combined_checks=tuple(one.value for one in checks.values() if isinstance(one.value, CombinedCheck)),
        **others,
    )
    findings.extend(unknown_objects(plan, config, findings.has_errors))
    return config, plan


def _report_idle(place: Location, has_others: bool, findings: Findings) -> None:
    hint = "vrrp_instance NAME { ... }"
    if has_others:
        message = "there is no vrrp_instance: this version would run, but do nothing"
        findings.warning(place, "no-instance", message, hint)
    else:
        findings.error(place, "no-instance", "there is no vrrp_instance: nothing would run", hint)


def _once(keyword: str, said: Settings, findings: Findings) -> Iterable[Definition]:
    """The blocks of a keyword, each name once."""
    return unique(keyword, said.get(keyword, ()), findings).values()


def _global_settings(said: Settings, findings: Findings) -> Settings:
    """All `global_defs` blocks add up to one."""
    whole = Block("global_defs", said.location, (), said.get("global_defs", ()))
    return read_settings(whole, GLOBAL, findings)
