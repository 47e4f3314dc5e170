"""`alived sniff`: what is said on the wire about virtual addresses, with a verdict on each packet.

VRRP is judged by what needs no configuration (the packet alone: TTL, version, length, checksum, list of addresses);
whether an instance would believe it (password, interval, list of addresses) is not known here.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import assert_never

import click
import msgspec

from alived.adapters.pcap import CaptureError, Frame, capture, read_frames
from alived.base import NS_PER_US, DecodeError, Family
from alived.vrrp.authentication import ah_decode
from alived.vrrp.packet import AUTH_AH, AUTH_NONE, AUTH_PASS, Advertisement, checksum_reading, decode
from alived.wire import neighbour
from alived.wire.inet import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    PROTOCOL_AH,
    PROTOCOL_ICMPV6,
    PROTOCOL_VRRP,
    Ipv4Header,
    Ipv6Header,
    address_text,
    decode_ethernet,
    decode_ipv4,
    decode_ipv6,
    is_multicast,
    mac_text,
    pack_address,
)

_AUTH_NAMES = {AUTH_NONE: "none", AUTH_PASS: "PASS", AUTH_AH: "AH"}
_LINK_LOCAL_PREFIX = b"\xfe\x80"


class Sniffed(msgspec.Struct, frozen=True, kw_only=True):
    """One packet, a JSON object a line. A key that means nothing for a packet is null."""

    time: float
    """Seconds since 1970, to the microsecond"""
    interface: str = ""
    kind: str
    """"vrrp", "arp" or "nd\""""
    operation: str = ""
    """"advertisement"; "gratuitous", "probe", "request", "reply"; "solicitation", "advertisement\""""
    source: str = ""
    destination: str = ""
    source_mac: str = ""
    ttl: int | None = None
    version: int | None = None
    vrid: int | None = None
    priority: int | None = None
    addresses: tuple[str, ...] = ()
    """Advertised by VRRP; claimed or asked for by ARP and ND"""
    interval: float | None = None
    """Seconds"""
    checksum: str | None = None
    """What the checksum covers: "message_only", "pseudo_header", "old_unicast\""""
    auth_type: str | None = None
    ah_sequence: int | None = None
    mac: str | None = None
    """The MAC that ARP or ND claims"""
    router: bool | None = None
    solicited: bool | None = None
    override: bool | None = None
    valid: bool = True
    reason: str = ""
    """Why it is not valid: a code, a colon, a sentence"""
    note: str = ""
    """Valid, but remarkable"""


# -- analysis --


def analyse(frame: Frame) -> Sniffed | None:
    """The verdict on a frame; None: it is neither VRRP nor ARP nor neighbour discovery."""
    try:
        ethernet = decode_ethernet(frame.data)
    except DecodeError:
        return None
    source_mac = mac_text(ethernet.source) if any(ethernet.source) else ""
    blank = Sniffed(
        time=frame.time_ns // NS_PER_US / 1_000_000, interface=frame.interface, kind="arp", source_mac=source_mac
    )
    data = frame.data[ethernet.header_length :]
    if ethernet.ethertype == ETHERTYPE_ARP:
        return _analyse_neighbour(frame, blank)
    if ethernet.ethertype == ETHERTYPE_IPV4:
        return _analyse_ipv4(data, msgspec.structs.replace(blank, kind="vrrp"))
    if ethernet.ethertype == ETHERTYPE_IPV6:
        return _analyse_ipv6(frame, data, blank)
    return None


def _invalid(sniffed: Sniffed, error: DecodeError) -> Sniffed:
    return msgspec.structs.replace(sniffed, valid=False, reason=str(error))


def _analyse_ipv4(data: bytes, blank: Sniffed) -> Sniffed | None:
    if data[9:10] not in (bytes((PROTOCOL_VRRP,)), bytes((PROTOCOL_AH,))):
        return None
    try:
        header = decode_ipv4(data)
    except DecodeError as error:
        return _invalid(blank, error)
    sniffed = _with_path(blank, header, header.ttl)
    message = data[header.header_length : header.total_length]
    if header.fragment & 0x3FFF:
        return _invalid(sniffed, DecodeError("fragment", "a piece of a packet"))
    if header.protocol == PROTOCOL_AH:
        try:
            authenticated = ah_decode(data, key=None)
        except DecodeError as error:
            return None if error.reason == "auth-type-error" else _invalid(sniffed, error)
        message = authenticated.message
        sniffed = msgspec.structs.replace(sniffed, ah_sequence=authenticated.sequence)
    if not header.checksum_ok:
        return _invalid(_with_header(sniffed, message), DecodeError("ip-checksum-error", "IPv4 header checksum"))
    return _analyse_vrrp(sniffed, message, Family.IPV4)


def _analyse_ipv6(frame: Frame, data: bytes, blank: Sniffed) -> Sniffed | None:
    next_header = data[6] if len(data) > 6 else None
    if next_header == PROTOCOL_ICMPV6:
        return _analyse_neighbour(frame, msgspec.structs.replace(blank, kind="nd"))
    if next_header != PROTOCOL_VRRP:
        return None
    vrrp = msgspec.structs.replace(blank, kind="vrrp")
    try:
        header = decode_ipv6(data)
    except DecodeError as error:
        return _invalid(vrrp, error)
    sniffed = _with_path(vrrp, header, header.hop_limit)
    return _analyse_vrrp(sniffed, data[40 : 40 + header.payload_length], Family.IPV6)


def _with_path(sniffed: Sniffed, header: Ipv4Header | Ipv6Header, ttl: int) -> Sniffed:
    return msgspec.structs.replace(
        sniffed, operation="advertisement", source=header.source, destination=header.destination, ttl=ttl
    )


def _with_header(sniffed: Sniffed, message: bytes) -> Sniffed:
    """What a VRRP message says in its first octets, right or wrong: an invalid packet shall be recognised too."""
    if len(message) < 3:
        return sniffed
    return msgspec.structs.replace(sniffed, version=message[0] >> 4, vrid=message[1], priority=message[2])


def _analyse_vrrp(sniffed: Sniffed, message: bytes, family: Family) -> Sniffed:
    source, destination = sniffed.source, sniffed.destination
    sniffed = _with_header(sniffed, message)
    try:
        advertisement = decode(message, source=source, destination=destination, family=family)
        reading = checksum_reading(message, source=source, destination=destination, family=family)
    except DecodeError as error:
        return _invalid(sniffed, error)
    sniffed = msgspec.structs.replace(
        sniffed,
        addresses=advertisement.addresses,
        interval=advertisement.interval_cs / 100,
        checksum=reading.value,
        auth_type=_auth_name(advertisement),
        note=_note(advertisement, family),
    )
    if sniffed.ttl != 255 and is_multicast(pack_address(destination)):
        return _invalid(sniffed, DecodeError("ip-ttl-error", f"TTL {sniffed.ttl} instead of 255"))
    if (advertisement.auth_type == AUTH_AH) != (sniffed.ah_sequence is not None):
        detail = f"authentication type {sniffed.auth_type}, but " + ("a" if sniffed.ah_sequence is not None else "no")
        return _invalid(sniffed, DecodeError("auth-type-error", f"{detail} authentication header"))
    return sniffed


def _auth_name(advertisement: Advertisement) -> str | None:
    if advertisement.version != 2:
        return None
    return _AUTH_NAMES.get(advertisement.auth_type, str(advertisement.auth_type))


def _note(advertisement: Advertisement, family: Family) -> str:
    if family is Family.IPV6 and not pack_address(advertisement.addresses[0]).startswith(_LINK_LOCAL_PREFIX):
        return "the first address is not link-local (RFC 9568 section 5.2.9)"
    return "the master stops" if advertisement.priority == 0 else ""


def _analyse_neighbour(frame: Frame, blank: Sniffed) -> Sniffed | None:
    try:
        packet = neighbour.decode(frame.data)
    except DecodeError as error:
        return None if error.reason == "not-neighbour" else _invalid(blank, error)
    match packet:
        case neighbour.Arp():
            return _describe_arp(packet, blank)
        case neighbour.NeighbourSolicitation() | neighbour.NeighbourAdvertisement():
            return _describe_discovery(packet, blank)
        case _:
            assert_never(packet)


def _describe_arp(packet: neighbour.Arp, blank: Sniffed) -> Sniffed:
    if packet.gratuitous:
        operation = "gratuitous"
    elif packet.probe:
        operation = "probe"
    else:
        operation = "request" if packet.operation == neighbour.ARP_REQUEST else "reply"
    claims = packet.gratuitous or packet.operation == neighbour.ARP_REPLY
    foreign = any(packet.frame_source) and packet.frame_source != packet.sender_mac
    return msgspec.structs.replace(
        blank,
        operation=operation,
        source=address_text(packet.sender),
        destination=address_text(packet.target),
        addresses=(address_text(packet.sender if claims else packet.target),),
        mac=mac_text(packet.sender_mac),
        note="the sender MAC is not that of the frame" if foreign else "",
    )


def _describe_discovery(
    packet: neighbour.NeighbourSolicitation | neighbour.NeighbourAdvertisement, blank: Sniffed
) -> Sniffed:
    described = msgspec.structs.replace(
        blank,
        operation="solicitation",
        source=address_text(packet.source),
        destination=address_text(packet.destination),
        ttl=255,
        addresses=(address_text(packet.target),),
        mac=mac_text(packet.link_layer) or None,
    )
    if isinstance(packet, neighbour.NeighbourSolicitation):
        return described
    return msgspec.structs.replace(
        described,
        operation="advertisement",
        router=packet.router,
        solicited=packet.solicited,
        override=packet.override,
    )


# -- presentation --


def text_line(sniffed: Sniffed) -> str:
    """One line for people, what varies in length at its end; the time in the local zone."""
    moment = datetime.datetime.fromtimestamp(sniffed.time).strftime("%H:%M:%S.%f")
    verdict = "ok " if sniffed.valid else "BAD"
    what = _vrrp_words(sniffed) if sniffed.kind == "vrrp" else _neighbour_words(sniffed)
    remark = f" ({sniffed.note})" if sniffed.note else ""
    if not sniffed.valid:
        remark = f"{remark} {sniffed.reason}"
    return f"{moment} {verdict} {sniffed.kind:4} {what}{remark}"


def _vrrp_words(sniffed: Sniffed) -> str:
    path = f"{sniffed.source} > {sniffed.destination}" if sniffed.source else "from ?"
    if sniffed.version is None:
        return path
    every = "" if sniffed.interval is None else f"{sniffed.interval:g}s"
    head = f"v{sniffed.version} vrid {sniffed.vrid:>3} prio {sniffed.priority:>3} ttl {sniffed.ttl:>3} {every:>6}"
    auth = "" if sniffed.auth_type in (None, "none") else f"auth {sniffed.auth_type}"
    return " ".join(filter(None, (head, path, auth, *sniffed.addresses)))


def _neighbour_words(sniffed: Sniffed) -> str:
    """Claims as "ADDRESS is at MAC", questions as "who has ADDRESS"."""
    addresses = " ".join(sniffed.addresses)
    flags = "".join(
        letter for letter, flag in (("R", sniffed.router), ("S", sniffed.solicited), ("O", sniffed.override)) if flag
    )
    head = f"{sniffed.operation:13}"
    if sniffed.operation in ("gratuitous", "reply", "advertisement"):
        return f"{head} {addresses} is at {sniffed.mac or '?'}" + (f" flags {flags}" if flags else "")
    return f"{head} who has {addresses}? tell {sniffed.source}" if addresses else f"from {sniffed.source_mac or '?'}"


def _read_file(path: str) -> Iterator[Frame]:
    try:
        with click.open_file(path, "rb") as stream:
            yield from read_frames(stream, "standard input" if path == "-" else path)
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from error


def _print(packets: Iterable[Sniffed], as_json: bool) -> None:
    encoder = msgspec.json.Encoder()
    for packet in packets:
        click.echo(encoder.encode(packet).decode() if as_json else text_line(packet))


@click.command()
@click.option("-i", "--interface", default="", metavar="INTERFACE", help="Listen on this interface (default: on all).")
@click.option("--read", "path", metavar="FILE.pcap", help="Read a pcap or pcapng file instead; - is standard input.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many packets.")
def sniff(interface: str, path: str | None, as_json: bool, count: int | None) -> None:
    """Decode VRRP, ARP and neighbour discovery, with a verdict on each packet.

    Listening needs root (CAP_NET_RAW), reading a file nothing. Exit status: 0, or 1 if it cannot listen or read.
    """
    if interface and path is not None:
        raise click.UsageError("-i and --read exclude each other")
    frames = capture(interface) if path is None else _read_file(path)
    packets = (packet for frame in frames if (packet := analyse(frame)) is not None)
    try:
        _print(islice(packets, count), as_json)
    except CaptureError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("", err=True)
    except BrokenPipeError:
        # Whoever reads has had enough (`| head`); Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
