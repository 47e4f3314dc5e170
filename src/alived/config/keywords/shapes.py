"""Readers of the keywords that are like no other: state, use_vmac, authentication and the like."""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_S, Location
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    check_interface,
    check_no_more,
    choice,
    command,
    only_argument,
    parse_address,
    parse_integer,
    word,
)
from alived.config.keywords.table import Table, read_settings, table, works
from alived.config.text.blocks import Block
from alived.config.text.commands import read_command
from alived.hooks.config import Script
from alived.vrrp.config import AuthType, State

PASSWORD_BYTES = 8
"""RFC 2338 section 5.3.10: the field of the packet."""
MAX_LIFETIME_S = 86400
MAX_CPU = 8191


class Authentication(msgspec.Struct, frozen=True):
    type: AuthType
    password: str
    location: Location


class VmacChoice(msgspec.Struct, frozen=True):
    """`use_vmac [NAME]`; name "": the default name."""

    name: str


class Lifetime(msgspec.Struct, frozen=True):
    """`address_lifetime`: seconds None is auto, 0 is forever."""

    seconds: int | None


class Deleted(msgspec.Struct, frozen=True):
    """`notify_deleted` without a command: DELETED is reported, nothing else runs."""

    script: Script | None


def state() -> Converter:
    """MASTER or BACKUP; keepalived takes anything else for BACKUP after a line in its log."""

    def read(block: Block, findings: Findings) -> State | None:
        argument = only_argument(block, findings, "MASTER|BACKUP")
        if argument is None:
            return None
        if argument.text in ("MASTER", "BACKUP"):
            return State(argument.text)
        message = f"{argument.text!r} is no state: BACKUP is assumed, as keepalived does"
        hint = f"state {argument.text.upper()}" if argument.text.upper() in ("MASTER", "BACKUP") else "MASTER or BACKUP"
        findings.warning(argument.location, "invalid-value", message, hint)
        return State.BACKUP

    return Converter("MASTER|BACKUP", "BACKUP", read)


def vmac() -> Converter:
    """`[name] [NAME] [MAC] [group GROUP] [netlink_notify_msg]`: another MAC than the RFC's is not supported."""

    def read(block: Block, findings: Findings) -> VmacChoice | None:
        name = ""
        words = iter(block.arguments)
        for option in words:
            if option.text in ("group", "netlink_notify_msg"):
                message = f"{option.text} of use_vmac has no effect in this version"
                findings.warning(option.location, "not-supported-yet", message)
                if option.text == "group":
                    next(words, None)
                continue
            if ":" in option.text:
                message = f"a MAC address of one's own ({option.text}) is not supported: the RFC's would be used"
                findings.error(option.location, "not-supported", message, "remove it, if you can do without")
                return None
            argument = next(words, option) if option.text == "name" else option
            if name:
                message = f"{argument.text!r} after 'use_vmac' is skipped: its name is {name!r}"
                findings.warning(argument.location, "extra-arguments", message)
                continue
            name = check_interface(argument, findings) or ""
            if not name:
                return None
        return VmacChoice(name)

    return Converter("[NAME]", "vrrp.51", read)


IPVLAN_MODES = ("bridge", "private", "vepa")


def ipvlan() -> Converter:
    """`[bridge|private|vepa] [group GROUP] [[name] NAME] [ADDRESS[/LENGTH]]` -> the name."""

    def read(block: Block, findings: Findings) -> VmacChoice | None:
        name: str | None = ""
        words = iter(block.arguments)
        for option in words:
            if option.text == "group":
                next(words, None)
            elif option.text not in IPVLAN_MODES and parse_address(option.text.partition("/")[0]) is None:
                name = check_interface(next(words, option) if option.text == "name" else option, findings)
        return None if name is None else VmacChoice(name)

    return Converter("[bridge|private|vepa] [NAME] [ADDRESS]", "bridge 192.0.2.1", read)


class GarpExtra(msgspec.Struct, frozen=True):
    """`garp_extra_if [all] SECONDS`."""

    interval_ns: int
    all_interfaces: bool


def garp_extra(low: int) -> Converter:
    """low: 0 if 0 may turn it off."""

    def read(block: Block, findings: Findings) -> GarpExtra | None:
        times = [argument for argument in block.arguments if argument.text != "all"]
        if not times:
            message = f"{block.keyword!r} needs a time"
            findings.error(block.location, "missing-argument", message, f"{block.keyword} [all] SECONDS")
            return None
        if len(times) > 1:
            findings.warning(times[1].location, "extra-arguments", f"{times[1].text!r} is skipped: one time is enough")
        interval = parse_integer(times[0], low, MAX_LIFETIME_S, block.keyword, findings)
        all_interfaces = any(argument.text == "all" for argument in block.arguments)
        return None if interval is None else GarpExtra(interval * NS_PER_S, all_interfaces)

    return Converter(f"[all] SECONDS {low}..{MAX_LIFETIME_S}", "all 100", read)


def lifetime() -> Converter:
    def read(block: Block, findings: Findings) -> Lifetime | None:
        argument = only_argument(block, findings, "SECONDS|auto|forever")
        if argument is None:
            return None
        if argument.text in ("auto", "forever"):
            return Lifetime(None if argument.text == "auto" else 0)
        value = parse_integer(argument, 1, MAX_LIFETIME_S, block.keyword, findings)
        return None if value is None else Lifetime(value)

    return Converter("SECONDS|auto|forever", "auto", read)


def old_checksum() -> Converter:
    """`[never]`: never turns the guess off, which we do not make."""

    def read(block: Block, findings: Findings) -> bool | None:
        check_no_more(block, 1, findings)
        if not block.arguments:
            return True
        if block.arguments[0].text == "never":
            return False
        return None if choice("never").read(block, findings) is None else False

    return Converter("[never]", "", read)


def command_or_nothing() -> Converter:
    def read(block: Block, findings: Findings) -> Deleted | None:
        if not block.arguments:
            return Deleted(None)
        found = read_command(block, findings)
        return Deleted(Script(argv=found[0], user=found[1], group=found[2])) if found else None

    return msgspec.structs.replace(command(), read=read)


AUTHENTICATION: Table = table(
    "in authentication",
    works("auth_type", choice("PASS", "AH"), "PASS: a password in clear text; AH: IPsec authentication header."),
    works("auth_pass", word("PASSWORD", "secret12"), "The same on all nodes; 8 characters count."),
)


def authentication() -> Converter:
    """The block; a password that is too long is cut, as keepalived does."""

    def read(block: Block, findings: Findings) -> Authentication | None:
        settings = read_settings(block, AUTHENTICATION, findings)
        password: str = settings.get("auth_pass", "")
        kept = password.encode()[:PASSWORD_BYTES].decode(errors="ignore")
        if kept != password:
            message = f"auth_pass is longer than {PASSWORD_BYTES} bytes: only the first {PASSWORD_BYTES} count"
            hint = "the same happens in keepalived; the other nodes must begin alike"
            findings.warning(settings.place("auth_pass"), "password-cut", message, hint)
        if "auth_type" not in settings:
            if "auth_type" not in settings.tried:
                message = "authentication without auth_type: none is used"
                findings.warning(block.location, "no-authentication", message, "auth_type PASS")
            return None
        return Authentication(AuthType(settings.get("auth_type")), kept, block.location)

    return Converter("{ auth_type PASS|AH auth_pass PASSWORD }", "{\nauth_type PASS\nauth_pass secret12\n}", read, True)


def user() -> Converter:
    """`USER [GROUP]` -> (user, group)."""

    def read(block: Block, findings: Findings) -> tuple[str, str] | None:
        if not block.arguments:
            findings.error(block.location, "missing-argument", f"{block.keyword!r} needs a user", "script_user USER")
            return None
        check_no_more(block, 2, findings)
        names = [argument.text for argument in block.arguments[:2]]
        return names[0], names[1] if len(names) > 1 else ""

    return Converter("USER [GROUP]", "nobody", read)


def dynamic() -> Converter:
    """`[allow_if_changes]`: interfaces may always change their kind here."""

    def read(block: Block, findings: Findings) -> bool:
        for argument in block.arguments:
            if argument.text != "allow_if_changes":
                message = f"unknown option {argument.text!r} of {block.keyword}"
                findings.warning(argument.location, "unknown-option", message, "options: allow_if_changes")
        return True

    return Converter("[allow_if_changes]", "", read)


def cpus() -> Converter:
    """Numbers of CPUs, at least one."""

    def read(block: Block, findings: Findings) -> tuple[int, ...] | None:
        if only_some_argument(block, findings):
            numbers = [parse_integer(word, 0, MAX_CPU, block.keyword, findings) for word in block.arguments]
            return None if None in numbers else tuple(number for number in numbers if number is not None)
        return None

    return Converter("CPU...", "0 1", read)


def only_some_argument(block: Block, findings: Findings) -> bool:
    if not block.arguments:
        findings.error(block.location, "missing-argument", f"{block.keyword!r} needs a value", f"{block.keyword} 0")
    return bool(block.arguments)
