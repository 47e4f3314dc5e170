"""`notifications { webhook NAME { ... } }`: who else is told of what happens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from alived.config.findings import Findings
from alived.config.keywords.converters import Converter, FileUse, boolean, choice, invalid, only_argument, seconds
from alived.config.keywords.definitions import Definition, definition, unique
from alived.config.keywords.product import nested, path, required
from alived.config.keywords.table import Settings, table, works
from alived.config.text.blocks import Block, Word
from alived.hooks.events import Kind
from alived.hooks.events import Word as EventWord
from alived.notify.config import MAIL, RETRY_FOR_NS, USUAL_EVENTS, Language, MessageFormat, Notifications, Webhook

MAX_RETRY_S = 31 * 86400
EVENTS = {str(word).lower(): word for word in EventWord if word is not EventWord.TEST}
KINDS = {
    "instance": Kind.INSTANCE,
    "group": Kind.GROUP,
    "raft": Kind.RAFT,
    "real_server": Kind.REAL_SERVER,
    "virtual_server": Kind.VIRTUAL_SERVER,
}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}\Z")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\x80-\uffff]{0,2000}\Z")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")
_OURS = ("host", "content-length", "transfer-encoding", "connection")


def url() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "URL")
        if argument is None:
            return None
        if _is_url(argument.text):
            return argument.text
        invalid(
            argument, block.keyword, "a URL that begins with https:// or http://, in ASCII, without a user", findings
        )
        return None

    return Converter("URL", "https://example.com/hook", read)


def _is_url(text: str) -> bool:
    from urllib.parse import urlsplit  # only for a file that has a URL

    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and not parts.username


def _some_of(words: Mapping[str, Any], what: str, example: str) -> Converter:
    """One or more of these words -> their values, as a tuple."""
    known = " ".join(words)

    def read(block: Block, findings: Findings) -> tuple[Any, ...] | None:
        wrong = [word for word in block.arguments if word.text.lower() not in words]
        for word in wrong:
            invalid(word, block.keyword, known, findings)
        if not block.arguments:
            message = f"{block.keyword!r} needs a value"
            findings.error(block.location, "missing-argument", message, f"{block.keyword} {known}")
        if wrong or not block.arguments:
            return None
        return tuple(words[word.text.lower()] for word in block.arguments)

    return Converter(f"{what}...", example, read)


def _objects() -> Converter:
    """Names -> the words themselves: whether they exist is asked when everything is read, and said at their place."""

    def read(block: Block, findings: Findings) -> tuple[Word, ...] | None:
        if not block.arguments:
            message = f"{block.keyword!r} needs a value"
            findings.error(block.location, "missing-argument", message, f"{block.keyword} VI_1")
        return block.arguments or None

    return Converter("NAME...", "VI_1 [192.0.2.1]:tcp:80", read)


def _header() -> Converter:
    def read(block: Block, findings: Findings) -> tuple[tuple[str, str], ...] | None:
        if len(block.arguments) != 2:
            message = f"{block.keyword!r} has a name and a value"
            findings.error(block.location, "missing-argument", message, f'{block.keyword} X-Team "on call"')
            return None
        name, value = block.arguments
        if not _HEADER.match(name.text) or name.text.lower() in _OURS:
            invalid(name, block.keyword, f"a name of a header, not {', '.join(_OURS)}", findings)
            return None
        if not _HEADER_VALUE.match(value.text):
            invalid(value, block.keyword, "a value without tabs and line ends", findings)
            return None
        return ((name.text, value.text),)

    return Converter("NAME VALUE", 'X-Team "on call"', read, merge="append")


WEBHOOK = table(
    "in webhook",
    works("url", url(), "Where the message is posted."),
    works("format", choice(*MessageFormat), "Whose JSON it gets.", default="json"),
    works("language", choice(*Language), "Of the sentences for people.", default="en"),
    works(
        "events",
        _some_of(EVENTS, "EVENT", "master backup fault"),
        "What is told.",
        default=" ".join(word.lower() for word in USUAL_EVENTS),
    ),
    works("kinds", _some_of(KINDS, "KIND", "real_server virtual_server"), "Of what it is told.", default="all"),
    works(
        "objects",
        _objects(),
        "Of whom it is told, by name; of a virtual server, its real servers belong to it.",
        default="all",
    ),
    works(
        "secret_file",
        path(FileUse.KEY),
        "File with the key that signs, readable by its owner alone.",
        default="not signed",
    ),
    works("header", _header(), "One more header of the request.", field="headers", repeats=True),
    works("timeout", seconds(0.1, 300, "10"), "Patience with the other side.", default="10"),
    works(
        "retry_for",
        seconds(0, MAX_RETRY_S, "86400"),
        "How long a message that is not taken is tried again.",
        default="86400",
    ),
    works("ca_file", path(FileUse.PUBLIC), "Authorities that its certificate must lead to.", default="the system's"),
    works("verify", boolean(), "Whether its certificate is looked at.", default="on"),
)


def _build_webhook(name: str, settings: Settings, findings: Findings) -> Webhook | None:
    target = required(settings, "url", f"webhook {name}", findings, "https://example.com/hook")
    if target is None:
        return None
    if settings.get("secret_file") and settings.get("format") in (MessageFormat.SLACK, MessageFormat.WECOM):
        message = f"webhook {name}: {settings.get('format')} knows no signature: secret_file is not used"
        findings.warning(
            settings.place("secret_file"), "unused-secret", message, "whoever knows the URL may post there"
        )
    plain = ("secret_file", "events", "kinds", "headers", "ca_file", "verify")
    return Webhook(
        name=name,
        url=target,
        format=MessageFormat(settings.get("format", MessageFormat.JSON)),
        language=Language(settings.get("language", Language.ENGLISH)),
        retry_for_ns=settings.get("retry_for", RETRY_FOR_NS),
        **({"timeout_ns": settings.get("timeout")} if "timeout" in settings else {}),
        objects=tuple(word.text for word in settings.get("objects", ())),
        **{field: settings.get(field) for field in plain if field in settings},
    )


NOTIFICATIONS = table(
    "in notifications",
    works(
        "webhook",
        definition(WEBHOOK, _build_webhook, "chat {\nurl https://example.com/hook\n}"),
        "Who is told of what happens.",
        children=WEBHOOK,
        repeats=True,
    ),
    works(
        "spool",
        path(),
        "Directory for messages that were not taken yet, of mail, too.",
        default="spool in the runtime directory",
    ),
)


def notifications() -> Converter:
    """`notifications { ... }` -> a definition without a name, for its places; its value: Notifications."""
    return nested(NOTIFICATIONS, "spool /var/lib/alived/spool", _build_notifications)


def _build_notifications(settings: Settings, findings: Findings) -> Definition:
    known = unique("webhook", settings.get("webhook", ()), findings)
    for name in known.values():
        if not _NAME.match(name.name) or name.name == MAIL:
            message = f"{name.name!r} is no name for a webhook: its messages wait in a directory of this name"
            hint = f"letters, digits, '_', '.' and '-', at most 64, not a '.' at the beginning, and not {MAIL!r}"
            findings.error(name.location, "invalid-name", message, hint)
    webhooks: tuple[Any, ...] = tuple(one.value for one in known.values() if one.value is not None)
    value = Notifications(webhooks=webhooks, spool=settings.get("spool", ""))
    return Definition("", settings.location, settings, value)
