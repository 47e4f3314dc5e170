"""How a virtual server balances: ways to forward, protocol, persistence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from alived.base import Family
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    check_no_more,
    invalid,
    only_argument,
    parse_address,
    parse_integer,
)
from alived.config.keywords.endpoints import FAMILIES, MAX_PORT
from alived.config.text.blocks import Block, Word
from alived.lvs.config import PERSISTENCE_TIMEOUT_S, Forwarding, Method, Protocol, Tunnel, TunnelChecksum

MAX_PERSISTENCE_S = 31 * 86400
MAX_ENGINE = 15
"""Characters in the name of a persistence engine (the kernel's IP_VS_PENAME_MAXLEN less the final NUL)."""
_PREFIX_LENGTH = re.compile(r"[0-9]{1,3}\Z")


def ip_family() -> Converter:
    def read(block: Block, findings: Findings) -> Family | None:
        argument = only_argument(block, findings, "inet|inet6")
        if argument is None:
            return None
        family = FAMILIES.get(argument.text)
        if family is None:
            invalid(argument, block.keyword, "inet or inet6", findings)
        return family

    return Converter("inet|inet6", "inet", read)


def protocol() -> Converter:
    def read(block: Block, findings: Findings) -> Protocol | None:
        argument = only_argument(block, findings, "TCP|UDP|SCTP")
        if argument is None:
            return None
        if argument.text.upper() in list(Protocol):
            return Protocol(argument.text.upper())
        invalid(argument, block.keyword, "TCP, UDP or SCTP", findings)
        return None

    return Converter("TCP|UDP|SCTP", "TCP", read)


def persistence_timeout() -> Converter:
    """`[SECONDS]`: 360 without a number."""

    def read(block: Block, findings: Findings) -> int | None:
        if not block.arguments:
            return PERSISTENCE_TIMEOUT_S
        check_no_more(block, 1, findings)
        return parse_integer(block.arguments[0], 1, MAX_PERSISTENCE_S, block.keyword, findings)

    return Converter(f"[1..{MAX_PERSISTENCE_S}]", "50", read)


def granularity() -> Converter:
    """A netmask of IPv4 or a prefix length of IPv6 -> Word: only the virtual server knows its family."""

    def read(block: Block, findings: Findings) -> Word | None:
        argument = only_argument(block, findings, "NETMASK|LENGTH")
        if argument is None:
            return None
        found = parse_address(argument.text)
        if found is not None and found.family is Family.IPV4 and not found.is_unspecified:
            return argument
        if _PREFIX_LENGTH.match(argument.text) and 1 <= int(argument.text) <= Family.IPV6.bits:
            return argument
        invalid(argument, block.keyword, "a netmask such as 255.255.255.0, or a length of IPv6 such as 64", findings)
        return None

    return Converter("NETMASK|1..128", "255.255.255.0", read)


def engine() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "NAME")
        if argument is None or 0 < len(argument.text.encode()) <= MAX_ENGINE:
            return argument.text if argument else None
        invalid(argument, block.keyword, f"a name with at most {MAX_ENGINE} characters, such as sip", findings)
        return None

    return Converter("NAME", "sip", read)


def forwarding() -> Converter:
    """`lvs_method` -> Forwarding."""

    def read(block: Block, findings: Findings) -> Forwarding | None:
        if not block.arguments:
            message = f"{block.keyword!r} needs a value"
            findings.error(block.location, "missing-argument", message, f"{block.keyword} NAT|DR|TUN")
            return None
        method, *options = block.arguments
        if method.text not in list(Method):
            invalid(method, block.keyword, "NAT, DR or TUN", findings)
            return None
        said = _read_tunnel(iter(options), block.keyword, findings)
        found = None if said is None else Forwarding(method=Method(method.text), **said)
        return found if found and _is_consistent(found, block, findings) else None

    shape = "NAT|DR|TUN [type ipip|gue|gre] [port 1..65535] [nocsum|csum|remcsum]"
    return Converter(shape, "NAT", read)


def _read_tunnel(words: Iterator[Word], keyword: str, findings: Findings) -> dict[str, Any] | None:
    said: dict[str, Any] = {}
    for word in words:
        if word.text in list(TunnelChecksum):
            said["tunnel_checksum"] = TunnelChecksum(word.text)
            continue
        value = next(words, None) if word.text in ("type", "port") else None
        if value is None:
            invalid(word, keyword, "type ipip|gue|gre, port NUMBER, nocsum, csum or remcsum", findings)
            return None
        if word.text == "port":
            said["tunnel_port"] = parse_integer(value, 1, MAX_PORT, "port", findings)
            if said["tunnel_port"] is None:
                return None
        elif value.text in list(Tunnel):
            said["tunnel"] = Tunnel(value.text)
        else:
            invalid(value, "type", "ipip, gue or gre", findings)
            return None
    return said


def _is_consistent(found: Forwarding, block: Block, findings: Findings) -> bool:
    if (found.tunnel is Tunnel.GUE) != bool(found.tunnel_port):
        reason = "a gue tunnel needs a port, the others have none"
    elif found.tunnel is Tunnel.IPIP and found.tunnel_checksum is not TunnelChecksum.NONE:
        reason = "an ipip tunnel has no checksum"
    elif found.tunnel is Tunnel.GRE and found.tunnel_checksum is TunnelChecksum.REMOTE:
        reason = "a gre tunnel has no remote checksum"
    else:
        return True
    findings.error(block.location, "invalid-tunnel", f"{block.keyword}: {reason}", "TUN type gue port 5555")
    return False
