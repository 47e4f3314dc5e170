"""What keepalived 2.2.7 says about a file, sorted into classes of messages, each with its line if it has one."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_PLACE = re.compile(r"\((?:[^():]*: )?Line (\d+)\) ")

CLASSES = (
    ("interface", r"(?i)interface .*(doesn't exist|already exists)|non-existent interface|unknown interface"),
    ("network", r"Invalid smtp server|iptables not supported|^cp: "),
    ("script-account", r"(?i)SECURITY VIOLATION|Unable to set (default user|uid/gid)|script uid/gid|Failed to set uid"),
    ("script-missing", r"since not found/accessible"),
    ("adjusted", r"A unicast keyword has been specified without any unicast peers"),
    ("deprecated", r"deprecated|Please use global lvs_sync_daemon"),
    ("missing-parameter", r"is missing a parameter|name missing|script missing"),
    ("lost-braces", r"Unexpected '\{'|Unknown keyword '\}'"),
    ("braces", r"'[{}]'|'[{}]'s"),
    ("unknown-keyword", r"(?i)unknown keyword|unknown route keyword|Unknown configuration entry"),
    ("truncated", r"Truncating auth_pass"),
    ("duplicate", r"already (been )?specified|duplicated|both use VRID"),
    (
        "reference",
        r"not found, ignoring|doesn't exist - ignoring|no matching virtual router|has no virtual router"
        r"|tracked interface .* doesn't exist",
    ),
    (
        "missing-setting",
        r"must be set|No script|No file set|No VIP|has no (neighbor|real servers)|no (protocol|scheduler|forwarding)"
        r"|empty notification_email|not have any delay|requires either an interface|with no interface specified"
        r"|no preference specified",
    ),
    (
        "invalid-value",
        r"(?i)\binvalid\b|malformed|not valid|outside range|out of range|must be (in|greater|between)\b|unknown state"
        r"|unknown (protocol|address family|authentication|\[)|too (long|many)|extra (characters|parameters)"
        r"|character length|greater than maximum|must be an integer",
    ),
)
"""The first pattern that matches decides. "lost-braces" are those of a block whose keyword keepalived did not know.
What none matches is "adjusted": settings that keepalived changes or drops because they do not go together."""

OF_THE_MACHINE = ("interface", "network", "script-account", "script-missing")
"""Classes that speak of the machine where keepalived was run, not of the text."""

OUTCOMES = {0: "accepted", 2: "stopped", 4: "fatal", 5: "complaints", 6: "accepted", "timeout": "hang"}
"""By exit status. 6 are complaints about the owner of scripts only; a negative one is the signal that killed it."""


class Message(NamedTuple):
    kind: str
    line: int
    """0: about no line"""


_REMOVED = re.compile(r"script (\S+) - removing")
_NOT_FOUND = re.compile(r"track script (\S+) not found")


def messages(record: dict[str, Any]) -> list[Message]:
    """What keepalived said about the text of a file; each thing once, although several processes read it.

    That a script is not found says nothing about the text if it was removed because of its owner.
    """
    texts: list[str] = record["keepalived_messages"]
    removed = {match[1] for text in texts if (match := _REMOVED.search(text)) and "Unable" in text}
    some = any("Unable to set uid/gid for script" in text for text in texts)
    said = [text for text in texts if not ((match := _NOT_FOUND.search(text)) and (some or match[1] in removed))]
    return list(dict.fromkeys(one for one in map(_message, said) if one.kind not in OF_THE_MACHINE))


def _message(text: str) -> Message:
    place = _PLACE.match(text)
    said = text[place.end() :] if place else text
    kind = next((name for name, pattern in CLASSES if re.search(pattern, said)), "adjusted")
    return Message(kind, int(place[1]) if place else 0)


def outcome(record: dict[str, Any]) -> str:
    status = record["keepalived_exit_code"]
    return OUTCOMES.get(status, "killed")
