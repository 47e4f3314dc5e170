"""`no_accept`: packets to a virtual address are dropped unless its router owns it (RFC 9568 section 6.1, Accept_Mode).

One nftables table of ours, replaced as a whole by `nft -f -`: static rules suffice, because an address that is not
bound gets no packets anyway. Neighbour discovery always passes (RFC 9568 section 6.4.3, step 650).
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from alived.base import AlivedError

TIMEOUT_S = 10


class FirewallError(AlivedError):
    """nft is not there or refused."""


def ruleset(table: str, ipv4: Sequence[str], ipv6: Sequence[str]) -> str:
    """The nft script that makes (or replaces) the table so that nothing for these addresses is accepted."""
    lines = [f"table inet {table} {{}}", f"delete table inet {table}"]
    if not ipv4 and not ipv6:
        return "\n".join(lines) + "\n"
    lines += [f"table inet {table} {{", "  chain no_accept {", "    type filter hook input priority filter - 1;"]
    if ipv4:
        lines.append(f"    ip daddr {{ {', '.join(ipv4)} }} counter drop")
    if ipv6:
        addresses = f"{{ {', '.join(ipv6)} }}"
        lines.append(f"    ip6 daddr {addresses} icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept")
        lines.append(f"    ip6 daddr {addresses} counter drop")
    return "\n".join([*lines, "  }", "}"]) + "\n"


def apply(table: str, ipv4: Sequence[str], ipv6: Sequence[str]) -> None:
    """Makes the table say this; without addresses it is removed. Raises FirewallError."""
    try:
        done = subprocess.run(
            ["nft", "-f", "-"],
            input=ruleset(table, ipv4, ipv6),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirewallError(f"cannot run nft: {error}") from error
    if done.returncode:
        raise FirewallError(f"nft: {done.stderr.strip()}")
