"""`no_accept` as a table of nftables: packets to an address are dropped (RFC 9568 section 6.1, Accept_Mode).

Static rules suffice, because an address that is not bound gets no packets anyway. Neighbour discovery always passes
(RFC 9568 section 6.4.3, step 650).
"""

from __future__ import annotations

from collections.abc import Sequence


def script(table: str, ipv4: Sequence[str], ipv6: Sequence[str]) -> str:
    """Makes (or replaces) the table so that nothing for these addresses is accepted; without addresses: removes it."""
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
