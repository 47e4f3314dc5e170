"""What a file names that only its machine can confirm: interfaces and their subnets, scripts, users, keys, files.

A file is often checked somewhere else. What this machine does not have is listed as unverified; it is a finding only
if the operator says that the file is for this machine. What is here and wrong is a finding in any case.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec

from alived.base import Diagnostic, Location
from alived.config.instances.plan import InstancePlan, Plan
from alived.config.keywords.lists import VipEntry
from alived.config.keywords.table import Settings
from alived.config.rules.addresses import device, entries
from alived.config.rules.files import FileFacts, FilePlace, file_findings, named_files
from alived.config.rules.report import warning
from alived.config.rules.walk import commands, hooks
from alived.raft.config import Role


class ScriptState(enum.Enum):
    FINE = enum.auto()
    MISSING = enum.auto()
    NOT_EXECUTABLE = enum.auto()
    REPLACEABLE = enum.auto()
    """Somebody else than root could put another program in its place."""


class Machine(Protocol):
    """What a machine has."""

    def has_interface(self, name: str) -> bool: ...

    def has_address(self, address: str) -> bool: ...

    def covers(self, interface: str, address: str) -> bool:
        """Whether one of the subnets of the interface has the address."""
        ...

    def has_user(self, name: str) -> bool: ...

    def has_group(self, name: str) -> bool: ...

    def script(self, path: str) -> ScriptState: ...

    def file(self, path: str) -> FileFacts: ...

    def why_no_key(self, path: str) -> str | None:
        """Why a file is no shared key of a cluster; "": it is one; None: this user may not look."""
        ...

    def why_no_kernel_lease(self) -> str | None:
        """Why the kernel cannot enforce leases; "": it can; None: nobody could look."""
        ...


class Unverified(msgspec.Struct, frozen=True):
    """kind: interface, subnet, script, user, group, key, file, source, peer, node or fence. name: of what;
    reason: why nobody looked."""

    kind: str
    name: str
    reason: str


class Survey(msgspec.Struct, frozen=True):
    diagnostics: tuple[Diagnostic, ...]
    unverified: tuple[Unverified, ...]


class Named(msgspec.Struct, frozen=True):
    """Something that the machine should have, and where the file says so."""

    kind: str
    name: str
    location: Location


def survey(plan: Plan, machine: Machine, is_here: bool) -> Survey:
    """is_here: the operator says that the file is for this machine."""
    missing = [one for one in unique(named(plan)) if not _is_there(one, machine)]
    diagnostics = list(_scripts(plan, machine))
    unverified: list[Unverified] = []
    _look_at_files(plan, machine, diagnostics, unverified)
    if is_here:
        diagnostics.extend(_not_here(one) for one in missing)
        if "cluster" in plan.said:
            _look_for_kernel_lease(plan, machine, diagnostics, unverified)
            _look_at_keys(plan.said.get("cluster"), machine, diagnostics, unverified)
            _look_for_own_address(plan, machine, diagnostics)
    else:
        unverified.extend(Unverified(one.kind, one.name, "not on this machine") for one in missing)
    for one in plan.instances:
        interfaces = {device(one, entry) for entry in entries(one)}
        here = {name for name in interfaces if name and machine.has_interface(name)}
        if is_here or machine.has_address(one.instance.vrrp.source_address):
            diagnostics.extend(_outside(one, here, machine))
        else:
            unverified.extend(Unverified("subnet", name, "is this its machine? Say --here") for name in sorted(here))
    return Survey(tuple(diagnostics), tuple(dict.fromkeys(unverified)))


def _look_for_kernel_lease(
    plan: Plan, machine: Machine, diagnostics: list[Diagnostic], unverified: list[Unverified]
) -> None:
    """Owners of a cluster are to fall silent by themselves when they freeze."""
    why = machine.why_no_kernel_lease()
    if why is None:
        unverified.append(Unverified("fence", "kernel lease", "only root can try it"))
    elif why:
        message = f"the kernel of this machine cannot silence an owner that freezes: {why}"
        hint = "nft, and Linux 5.16 or newer; without them an owner that freezes answers until its addresses expire"
        diagnostics.append(warning(plan.said.place("cluster"), "no-kernel-lease", message, hint))


def _look_at_keys(
    cluster: Settings, machine: Machine, diagnostics: list[Diagnostic], unverified: list[Unverified]
) -> None:
    """Without its key a node takes no part, and would begin again and again."""
    for path in cluster.get("key_file", ()):
        why = machine.why_no_key(path)
        if why is None:
            unverified.append(Unverified("key", path, "only its owner and root may read it"))
        elif why:
            hint = "the same file on all nodes: alived cluster keygen makes the first"
            diagnostics.append(
                warning(cluster.place("key_file"), "unusable-key", f"{why}; without it nobody owns", hint)
            )


def _look_for_own_address(plan: Plan, machine: Machine, diagnostics: list[Diagnostic]) -> None:
    node: Settings | None = plan.said.get("node")
    listen = node.get("raft_addr") if node else None
    if node and listen and listen.address and not machine.has_address(listen.address):
        message = f"{listen.address} is not on this machine: this node hears none of the others"
        hint = "the address of this machine, not of another node; or :PORT for all of its addresses"
        diagnostics.append(warning(node.place("raft_addr"), "address-not-here", message, hint))


def _look_at_files(plan: Plan, machine: Machine, diagnostics: list[Diagnostic], unverified: list[Unverified]) -> None:
    """Each file once for each use: a key is no certificate."""
    seen = {(one.path, one.use): one for one in reversed(list(named_files(plan.tree)))}
    for one in reversed(seen.values()):
        facts = machine.file(one.path)
        if facts.place is FilePlace.HIDDEN:
            unverified.append(Unverified("file", one.path, "only root can look"))
        diagnostics.extend(file_findings(one, facts))


def unique(things: Iterable[Named]) -> list[Named]:
    """Each thing once, at its first place."""
    found: dict[tuple[str, str], Named] = {}
    for one in things:
        found.setdefault((one.kind, one.name), one)
    return list(found.values())


def named(plan: Plan) -> Iterator[Named]:
    """All that a file wants the machine to have."""
    for one in plan.instances:
        yield from _interfaces(one)
    yield from _interfaces_of_raft(plan.said)
    for group in plan.groups:
        for tracked in group.vrrp.track_interfaces:
            yield Named("interface", tracked.name, group.settings.place("track_interface"))
    for script, location in commands(plan):
        if script.argv[0].startswith("/"):
            yield Named("script", script.argv[0], location)
        yield from _account(script.user, script.group, location)
    for file in named_files(plan.tree):
        yield Named("file", file.path, file.location)
    user, group_name = plan.defaults.get("script_user", ("", ""))
    yield from _account(user, group_name, plan.defaults.place("script_user"))


def _interfaces_of_raft(said: Settings) -> Iterator[Named]:
    """None on a witness, which needs not even the network of the addresses."""
    if _is_witness(said):
        return
    if "vip_conf" in said:
        for vip in said.get("vip_conf").addresses:
            yield Named("interface", vip.interface, said.place("vip_conf"))
    for one in said.get("raft_instance", ()):
        if "interface" in one.settings:
            yield Named("interface", one.settings.get("interface"), one.settings.place("interface"))
        for entry in (*one.settings.get("virtual_ipaddress", ()), *one.settings.get("virtual_ipaddress_excluded", ())):
            if entry.vip.interface:
                yield Named("interface", entry.vip.interface, entry.location)
        for watched in one.settings.get("track_interface", ()):
            yield Named("interface", watched.tracked.name, watched.location)


def _is_witness(said: Settings) -> bool:
    if "node" not in said or "cluster" not in said:
        return False
    own, nodes = said.get("node").get("id"), said.get("cluster").get("nodes", ())
    return any(one.name == own and one.value is not None and one.value.role is Role.WITNESS for one in nodes)


def _interfaces(one: InstancePlan) -> Iterator[Named]:
    vrrp = one.instance.vrrp
    if vrrp.interface:
        yield Named("interface", vrrp.interface, one.settings.place("interface"))
    made = vrrp.vmac.name if vrrp.vmac else ""
    for entry in entries(one):
        if entry.vip.interface not in ("", made):
            yield Named("interface", entry.vip.interface, entry.location)
    for tracked in vrrp.track_interfaces:
        yield Named("interface", tracked.name, one.settings.place("track_interface"))


def _account(user: str, group: str, location: Location) -> Iterator[Named]:
    if user:
        yield Named("user", user, location)
    if group:
        yield Named("group", group, location)


def _is_there(one: Named, machine: Machine) -> bool:
    match one.kind:
        case "interface":
            return machine.has_interface(one.name)
        case "user":
            return one.name.isdigit() or machine.has_user(one.name)
        case "group":
            return one.name.isdigit() or machine.has_group(one.name)
        case "file":
            return machine.file(one.name).place is not FilePlace.MISSING
        case _:
            return machine.script(one.name) is not ScriptState.MISSING


_CONSEQUENCES = {
    "interface": "what needs it is in FAULT until it appears",
    "script": "it cannot run",
    "file": "what needs it fails until it appears",
    "user": "scripts cannot run as this user",
    "group": "scripts cannot run as this group",
}


def _not_here(one: Named) -> Diagnostic:
    message = f"{one.kind} {one.name} is not on this machine: {_CONSEQUENCES[one.kind]}"
    return warning(one.location, f"{one.kind}-not-here", message, "is the name right? Is the file for this machine?")


def _scripts(plan: Plan, machine: Machine) -> Iterator[Diagnostic]:
    """Scripts that are on this machine and would not run, or not only the operator's."""
    secure = plan.defaults.get("enable_script_security", False)
    default_user, _ = plan.defaults.get("script_user", ("", ""))
    of_hooks = {hook.script for hook, _ in hooks(plan)}
    seen: set[str] = set()
    for script, location in commands(plan):
        path = script.argv[0]
        if path in seen or not path.startswith("/"):
            continue
        seen.add(path)
        match machine.script(path):
            case ScriptState.NOT_EXECUTABLE:
                message = f"{path} on this machine is not executable: it will not run"
                yield warning(location, "script-not-executable", message, f"chmod +x {path}")
            case ScriptState.REPLACEABLE if (script.user or default_user or "root") == "root":
                message = f"{path} on this machine can be replaced by others than root, but runs as root"
                if script in of_hooks:
                    message += ": such a hook never runs"
                elif secure:
                    message += ": enable_script_security refuses it"
                hint = "let root own it and its directories, not writable for others; or say a user"
                yield warning(location, "script-replaceable", message, hint)
            case _:
                pass


def _outside(one: InstancePlan, interfaces: set[str], machine: Machine) -> Iterator[Diagnostic]:
    """Addresses that none of the subnets of their interface here has."""
    for entry in entries(one):
        name = device(one, entry)
        if name not in interfaces or entry.address.is_link_local or machine.covers(name, entry.address.text):
            continue
        yield _outside_here(one, entry, name)


def _outside_here(one: InstancePlan, entry: VipEntry, name: str) -> Diagnostic:
    message = f"{one.name}: {entry.address.text} is in none of the subnets that {name} has on this machine"
    hint = "an address of the subnet, or dev NAME of the interface that has it"
    return warning(entry.location, "outside-subnet", message, hint)
