"""Entries of `virtual_routes` and `static_routes`: keepalived's grammar, which is that of `ip route add`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from alived.base import Family
from alived.config.findings import Findings
from alived.config.keywords.converters import Converter, entries, parse_seconds
from alived.config.keywords.lines import (
    EVERYWHERE,
    FAMILIES,
    MAX_U8,
    MAX_U16,
    MAX_U32,
    MAX_U64,
    Entry,
    Line,
    Option,
    constant,
    field,
    number,
    of_family,
)
from alived.config.keywords.lists import is_plain
from alived.config.text.blocks import Block, Word
from alived.vip.routes_config import Encapsulation, InsertMode, NextHop, RouteMetric, VirtualRoute

TYPES = {
    name: name
    for name in (
        "unicast",
        "local",
        "broadcast",
        "anycast",
        "multicast",
        "prohibit",
        "unreachable",
        "blackhole",
        "throw",
        "nat",
        "xresolve",
    )
} | {"brd": "broadcast"}
MAX_RTT_MS = 120_000
MAX_LABEL = 0xFFFFF
MAX_LABELS = 16
_TIME = re.compile(r"([0-9.]+)(m?)s(?:ecs?)?\Z", re.IGNORECASE)
_LOCATOR = re.compile(r"[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){3}\Z")

_ENCAP_FIELDS = {
    "ip": {"id": "id", "dst": "dst", "src": "src", "tos": "tos", "ttl": "ttl", "flags": "flags"},
    "ip6": {"id": "id", "dst": "dst", "src": "src", "tc": "tos", "hoplimit": "ttl", "flags": "flags"},
}
"""Options of a tunnel -> fields of Encapsulation."""
_ENCAP_BOUNDS = {"id": MAX_U64, "ttl": MAX_U8, "flags": MAX_U16}


def _encap(line: Line, option: Word) -> Encapsulation | None:
    kind = line.choice(option, "ip", "ip6", "mpls", "ila")
    if kind == "mpls":
        return _mpls(line, option)
    if kind == "ila":
        word = line.value(option)
        if word is None or _LOCATOR.match(word.text):
            return Encapsulation(kind="ila", locator=word.text) if word else None
        line.fail(word, "invalid-value", f"{word.text!r} is no locator", "four hexadecimal numbers: 1:2:3:4")
        return None
    return _tunnel(line, option, kind) if kind else None


def _mpls(line: Line, option: Word) -> Encapsulation | None:
    """`LABEL[/LABEL]...`."""
    word = line.value(option)
    if word is None:
        return None
    texts = word.text.split("/")
    if len(texts) > MAX_LABELS:
        line.fail(word, "out-of-range", f"more than {MAX_LABELS} labels")
        return None
    labels = [line.parse_number(text, word, "label", 0, MAX_LABEL) for text in texts]
    return Encapsulation(kind="mpls", labels=tuple(label for label in labels if label is not None))


def _tunnel(line: Line, option: Word, kind: str) -> Encapsulation | None:
    """Options of the tunnel, until a word is none of them. Its addresses are of its own family."""
    tunnel = Line(Block(kind, option.location), line.what, line.findings)
    tunnel.family = Family.IPV4 if kind == "ip" else Family.IPV6
    tunnel.words, tunnel.position = line.words, line.position
    fields = _ENCAP_FIELDS[kind]
    while (word := tunnel.next()) is not None:
        name = fields.get(word.text)
        if name is None:
            tunnel.position -= 1
            break
        if name in _ENCAP_BOUNDS:
            tunnel.set(name, tunnel.number(word, 0, _ENCAP_BOUNDS[name]))
        else:
            tunnel.set(name, _tos(tunnel, word) if name == "tos" else tunnel.address(word))
    line.position = tunnel.position
    line.right &= tunnel.right
    if tunnel.right and not tunnel.values.keys() & {"dst", "id"}:
        line.fail(option, "missing-argument", f"encap {kind} needs dst or id")
    return Encapsulation(kind=kind, **tunnel.values)


def _tos(line: Line, option: Word) -> str | None:
    return line.name_or_number(option, MAX_U8)


def _via(line: Line, option: Word) -> str | None:
    """`via [inet|inet6] ADDRESS`."""
    for name, family in FAMILIES.items():
        if line.skip(name):
            family(line, option)
    return line.address(option)


def _gw(line: Line, option: Word) -> str | None:
    line.warn(option, "deprecated", "'gw' is deprecated", "write: via")
    return _via(line, option)


def _metric(line: Line, option: Word) -> None:
    """`NAME [lock] NUMBER`."""
    lock = option.text in _LOCKABLE and line.skip("lock")
    multiple = _TIMES.get(option.text)
    bound = {"hoplimit": MAX_U8, "quickack": 1, "fastopen_no_cookie": 1}.get(option.text, MAX_U32)
    value = line.number(option, 0, bound) if multiple is None else _time(line, option, multiple)
    if value is not None:
        line.values.setdefault("metrics", {})[option.text] = RouteMetric(value, lock)


def _time(line: Line, option: Word, multiple: int) -> int | None:
    """A time such as 200ms or 1.5s; a bare number is in the kernel's units, 1/multiple ms each."""
    word = line.value(option)
    match = _TIME.match(word.text) if word else None
    if word is None or match is None:
        return line.parse_number(word.text, word, option.text, 0, MAX_RTT_MS * multiple) if word else None
    ns = parse_seconds(match[1])
    value = None if ns is None else ns * multiple // (1_000_000_000 if match[2] else 1_000_000)
    if value is None or value > MAX_RTT_MS * multiple:
        line.fail(word, "invalid-value", f"{word.text!r} is no time for {option.text}", f"at most {MAX_RTT_MS}ms")
        return None
    return value


def _congctl(line: Line, option: Word) -> None:
    line.set("congctl_lock", line.skip("lock"))
    word = line.value(option)
    line.set("congctl", word.text if word else None)


def _preference(line: Line, option: Word) -> str | None:
    word = line.value(option)
    if word is None or word.text in ("low", "medium", "high"):
        return word.text if word else None
    return None if line.parse_number(word.text, word, option.text, 0, MAX_U8) is None else word.text


def _propagate(line: Line, option: Word) -> bool | None:
    word = line.choice(option, "enabled", "disabled")
    return None if word is None else word == "enabled"


def _or(line: Line, option: Word) -> None:
    """keepalived before 2.0: `via A or B` is a route with two next hops."""
    line.warn(option, "deprecated", "'or' is deprecated", "write: nexthop via ADDRESS nexthop via ADDRESS")
    other = line.address(option)
    first = line.values.pop("via", "")
    if other is not None:
        line.set("next_hops", (NextHop(via=first), NextHop(via=other)))


def realms(line: Line, option: Word) -> str | None:
    """`[FROM/]TO`, each a name or a number."""
    word = line.value(option)
    if word is None or all(word.text.split("/", 1)):
        return word.text if word else None
    line.fail(word, "invalid-value", f"{word.text!r} are no realms", "REALM or FROM/TO")
    return None


_HOP_OPTIONS: Mapping[str, Option] = {
    "via": field("via", _via),
    "dev": field("interface", Line.interface),
    "weight": number("weight", 256, 1),
    "onlink": constant("onlink", True),
    "encap": field("encap", _encap),
    "realms": of_family(Family.IPV4, field("realms", realms)),
}


def _next_hops(line: Line, option: Word) -> None:
    """The rest of the line: `nexthop OPTION... [nexthop OPTION...]...`."""
    if "next_hops" in line.values:
        line.fail(option, "family-mismatch", "'or' and 'nexthop' cannot be mixed")
    outer, hops = line.values, []
    line.values = {}
    while (word := line.next()) is not None and line.right:
        if word.text == "nexthop":
            hops.append(NextHop(**line.values))
            line.values = {}
        elif word.text in _HOP_OPTIONS:
            _HOP_OPTIONS[word.text](line, word)
        else:
            line.unknown(word, _HOP_OPTIONS)
    hops.append(NextHop(**line.values))
    line.values = {**outer, "next_hops": tuple(hops)}


_LOCKABLE = ("mtu", "advmss", "rtt", "rttvar", "reordering", "cwnd", "ssthresh", "rto_min")
_TIMES = {"rtt": 8, "rttvar": 4, "rto_min": 1}
"""Units of the kernel in a millisecond."""
_METRICS = (*_LOCKABLE, "window", "hoplimit", "initcwnd", "initrwnd", "quickack", "fastopen_no_cookie")

_OPTIONS: Mapping[str, Option] = {
    **FAMILIES,
    **dict.fromkeys(_METRICS, _metric),
    **dict.fromkeys(("metric", "priority", "preference"), number("metric", MAX_U32)),
    **dict.fromkeys(("dev", "oif"), field("interface", Line.interface)),
    **dict.fromkeys(("tos", "dsfield"), field("tos", _tos)),
    **{mode: constant("insert", InsertMode(mode)) for mode in InsertMode},
    "src": field("preferred_source", Line.address),
    "via": field("via", _via),
    "gw": field("via", _gw),
    "from": of_family(Family.IPV6, field("source", Line.network)),
    "table": field("table", lambda line, option: line.name_or_number(option, MAX_U32)),
    "vrf": field("vrf", Line.interface),
    "protocol": field("protocol", lambda line, option: line.name_or_number(option, MAX_U8)),
    "scope": field("scope", lambda line, option: line.name_or_number(option, MAX_U8)),
    "onlink": constant("onlink", True),
    "encap": field("encap", _encap),
    "expires": of_family(Family.IPV6, number("expires_s", MAX_U32)),
    "realms": of_family(Family.IPV4, field("realms", realms)),
    "features": field("ecn", lambda line, option: line.choice(option, "ecn") and True),
    "congctl": _congctl,
    "pref": of_family(Family.IPV6, field("preference", _preference)),
    "ttl-propagate": field("ttl_propagate", _propagate),
    "or": _or,
    "nexthop": _next_hops,
    "no_track": constant("no_track", True),
}
TRACK_GROUP: Mapping[str, Option] = {
    "track_group": field("track_group", lambda line, option: (word := line.value(option)) and word.text)
}
"""What only static routes and rules have."""


def _destination(line: Line, first: Word) -> None:
    """`[TYPE] [to] ADDRESS[/LENGTH]`."""
    word: Word | None = first
    if first.text in TYPES:
        line.set("type", TYPES[first.text])
        line.skip("to")
        word = line.value(first)
    elif first.text == "to":
        word = line.value(first)
    if word is None:
        return
    if word.text == "default6":
        line.warn(word, "deprecated", "'default6' is deprecated", "write: inet6 default")
        line.of_family(Family.IPV6, word)
        line.set("destination", "default")
    elif word.text in EVERYWHERE or word.text[:1].isdigit() or ":" in word.text:
        line.set("destination", line.parse_network(word))
    else:
        line.unknown(word, _OPTIONS)


def _read(block: Block, options: Mapping[str, Option], findings: Findings) -> Entry | None:
    if not is_plain(block, findings):
        return None
    line = Line(block, "route", findings)
    while (word := line.next()) is not None and line.right:
        options.get(word.text, _destination)(line, word)
    if line.right and "destination" not in line.values:
        line.fail(None, "missing-argument", "there is no destination", "ADDRESS/LENGTH or default")
    if not line.right:
        return None
    metrics = tuple(line.values.pop("metrics", {}).items())
    return Entry(VirtualRoute(**line.values, metrics=metrics, family=line.family or Family.IPV4), block.location)


def routes(static: bool) -> Converter:
    """Lists of routes; static ones may belong to a track_group."""
    options = {**_OPTIONS, **TRACK_GROUP} if static else _OPTIONS
    return entries(
        "[TYPE] ADDRESS/LENGTH [via ADDRESS] [dev NAME] [OPTION [VALUE]]...",
        "198.51.100.0/24 via 192.0.2.1 dev eth0 metric 100",
        lambda block, findings: _read(block, options, findings),
    )
