"""`alived announce`: tells the neighbours where an address of this machine is, for scripts that bind addresses.

Gratuitous ARP for IPv4, an unsolicited neighbour advertisement for IPv6, as the daemon sends them. iputils' arping
knows no IPv6, and waits a whole second behind each packet.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Sequence

import click

from alived.adapters.neighbours import FrameSender
from alived.adapters.netlink import Requests
from alived.adapters.sysctl import is_forwarding
from alived.base import AlivedError
from alived.wire import neighbour
from alived.wire.rtnetlink import RTM_GETADDR, Address, Link

EXIT_NOT_ANNOUNCED = 1
MAX_COUNT, MAX_DELAY_MS = 100, 60_000
_PACKED_IPV4 = 4
_LINK_LOCAL_PREFIX = b"\xfe\x80"


class NotOurs(AlivedError):
    """What shall be announced is not here; the text is for the operator."""


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("-i", "--interface", required=True, metavar="NAME", help="Where the addresses are bound.")
@click.option("--count", type=click.IntRange(1, MAX_COUNT), default=3, show_default=True, help="Times for each.")
@click.option("--delay-ms", type=click.IntRange(0, MAX_DELAY_MS), default=200, show_default=True, help="Between them.")
def announce(addresses: tuple[str, ...], interface: str, count: int, delay_ms: int) -> None:
    """Announce addresses that an interface of this machine has: gratuitous ARP, or an unsolicited neighbour
    advertisement. A length behind the address (/24) is skipped. An address that is not there is not announced: the
    neighbours would send to a machine that does not answer.

    Exit status: 0 announced, 1 not, 2 wrong usage.
    """
    try:
        frames = frames_for([_packed(text) for text in addresses], interface)
        sender = FrameSender(interface)
    except NotOurs as error:
        click.echo(f"alived announce: {error}", err=True)
        sys.exit(EXIT_NOT_ANNOUNCED)
    except OSError as error:
        click.echo(f"alived announce: {interface}: {error.strerror}", err=True)
        sys.exit(EXIT_NOT_ANNOUNCED)
    for number in range(count):
        if number:
            time.sleep(delay_ms / 1e3)
        for frame in frames:
            sender.send(frame)


def _packed(text: str) -> bytes:
    address = text.partition("/")[0]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.inet_pton(family, address)
    except OSError:
        raise click.UsageError(f"{text!r} is no address.") from None


def frames_for(addresses: Sequence[bytes], interface: str) -> list[bytes]:
    """The frame that announces each of them. Raises NotOurs, or OSError if the kernel does not answer."""
    requests = Requests()
    try:
        link = requests.link(interface)
        if link is None:
            raise NotOurs(f"there is no interface {interface}")
        bound = [one for one in requests.dump(RTM_GETADDR) if isinstance(one, Address) and one.index == link.index]
    finally:
        requests.close()
    return list(_frames(addresses, link, bound))


def _frames(addresses: Sequence[bytes], link: Link, bound: Sequence[Address]) -> Iterator[bytes]:
    have = [one.local for one in bound]
    link_local = next((one for one in have if one.startswith(_LINK_LOCAL_PREFIX)), b"")
    for address in addresses:
        if address not in have:
            family = socket.AF_INET if len(address) == _PACKED_IPV4 else socket.AF_INET6
            raise NotOurs(f"{socket.inet_ntop(family, address)} is not on {link.name}: nothing is announced")
        if len(address) == _PACKED_IPV4:
            yield neighbour.gratuitous_arp(link.mac, address)
        else:
            yield neighbour.unsolicited_na(link.mac, link_local or address, address, is_forwarding(link.name))
