"""Entries of `virtual_rules` and `static_rules`: keepalived's grammar, which is that of `ip rule add`."""

from __future__ import annotations

from collections.abc import Mapping

from alived.base import Family
from alived.config.findings import Findings
from alived.config.keywords.converters import Converter, entries
from alived.config.keywords.lines import (
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
from alived.config.keywords.routes import TRACK_GROUP, realms
from alived.config.text.blocks import Block, Word
from alived.vip.routes_config import VirtualRule

_ACTIONS = ("nop", "blackhole", "unreachable", "prohibit")
_NO_ACTION = "table TABLE, goto PREFERENCE, nop, blackhole, unreachable, prohibit or l3mdev"
_TABLE_ONLY = ("realms", "suppress_prefix_length", "suppress_interface_group")


def _act(line: Line, word: Word, action: str) -> None:
    if "action" in line.values:
        message = f"{word.text!r} beside {line.values['action']!r}: a rule does one thing"
        line.fail(word, "two-actions", message, _NO_ACTION)
    line.values["action"] = action


def _table(line: Line, option: Word) -> None:
    _act(line, option, "table")
    table = line.name_or_number(option, MAX_U32)
    if table == "0":
        line.fail(option, "out-of-range", "there is no table 0")
    line.set("table", table)


def _goto(line: Line, option: Word) -> None:
    _act(line, option, "goto")
    line.set("goto", line.number(option, 0, MAX_U32))


def _action(line: Line, word: Word) -> None:
    """`[type] nop|blackhole|unreachable|prohibit`."""
    found = line.value(word) if word.text == "type" else word
    if found is None:
        return
    if found.text == "goto":
        _goto(line, found)
    elif found.text in _ACTIONS:
        _act(line, found, found.text)
    else:
        line.unknown(found, _OPTIONS)


def _fwmark(line: Line, option: Word) -> None:
    """`MARK[/MASK]`."""
    word = line.value(option)
    if word is None:
        return
    mark, slash, mask = word.text.partition("/")
    line.set("fwmark", line.parse_number(mark, word, "fwmark", 0, MAX_U32))
    if slash:
        line.set("fwmask", line.parse_number(mask, word, "mask of fwmark", 0, MAX_U32))


_OPTIONS: Mapping[str, Option] = {
    **FAMILIES,
    **dict.fromkeys(("table", "lookup"), _table),
    **dict.fromkeys(("preference", "order", "priority"), number("preference", MAX_U32)),
    **dict.fromkeys(("tos", "dsfield"), field("tos", lambda line, option: line.name_or_number(option, MAX_U8))),
    **dict.fromkeys(("dev", "iif"), field("input_interface", Line.interface)),
    **dict.fromkeys(("suppress_prefixlength", "sup_pl"), number("suppress_prefix_length", 2**31 - 1)),
    **dict.fromkeys(
        ("suppress_ifgroup", "sup_group"),
        field("suppress_interface_group", lambda line, option: line.name_or_number(option, MAX_U32)),
    ),
    **dict.fromkeys((*_ACTIONS, "type"), _action),
    "from": field("source", Line.network),
    "to": field("destination", Line.network),
    "not": constant("inverted", True),
    "goto": _goto,
    "l3mdev": lambda line, word: _act(line, word, "l3mdev"),
    "fwmark": _fwmark,
    "realms": of_family(Family.IPV4, field("realms", realms)),
    "oif": field("output_interface", Line.interface),
    "tunnel-id": number("tunnel_id", MAX_U64),
    "uidrange": field("user_ids", lambda line, option: line.range(option, MAX_U32)),
    "protocol": number("protocol", MAX_U8),
    "ipproto": field("ip_protocol", lambda line, option: line.name_or_number(option, MAX_U8)),
    "sport": field("source_ports", lambda line, option: line.range(option, MAX_U16)),
    "dport": field("destination_ports", lambda line, option: line.range(option, MAX_U16)),
    "no_track": constant("no_track", True),
}


def _check(line: Line) -> None:
    """What must hold between the options of a rule."""
    values = line.values
    action = values.get("action")
    if action is None:
        line.fail(None, "missing-argument", "it does nothing", _NO_ACTION)
    elif action == "goto" and values.get("preference", MAX_U32) >= values["goto"]:
        line.fail(None, "out-of-range", "goto leads to a rule behind it only", "preference lower than the goal")
    elif action not in ("table", "l3mdev") and (only := [name for name in _TABLE_ONLY if name in values]):
        line.fail(None, "unknown-option", f"{only[0].replace('_', ' ')} goes with a table only")
    elif "preference" not in values:
        message = f"{line.what}: it has no preference: one is chosen, and it may differ from start to start"
        line.findings.warning(line.location, "no-preference", message, "preference NUMBER")


def _read(block: Block, options: Mapping[str, Option], findings: Findings) -> Entry | None:
    if not is_plain(block, findings):
        return None
    line = Line(block, "rule", findings)
    while (word := line.next()) is not None and line.right:
        option = options.get(word.text)
        if option is None:
            line.unknown(word, options)
        else:
            option(line, word)
    if line.right:
        _check(line)
    if not line.right:
        return None
    return Entry(VirtualRule(**line.values, family=line.family or Family.IPV4), block.location)


def rules(static: bool) -> Converter:
    """Lists of rules; static ones may belong to a track_group."""
    options = {**_OPTIONS, **TRACK_GROUP} if static else _OPTIONS
    return entries(
        "[from ADDRESS/LENGTH] [to ADDRESS/LENGTH] [OPTION [VALUE]]... table TABLE|goto NUMBER|ACTION",
        "from 192.0.2.0/24 table 1 preference 100",
        lambda block, findings: _read(block, options, findings),
    )
