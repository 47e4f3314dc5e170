"""Readers of the mail server and of addresses of mail."""

from __future__ import annotations

import re

import msgspec

from alived.config.findings import Findings
from alived.config.keywords.converters import Converter, entries, only_argument, parse_integer
from alived.config.keywords.global_values import words
from alived.config.keywords.lists import is_plain
from alived.config.text.blocks import Block, Word
from alived.notify.config import SMTP_PORT

MAX_ADDRESS = 254
"""RFC 5321 section 4.5.3.1.3, without the angle brackets."""
_ADDRESS = re.compile(r"[\x21-\x3b=\x3f-\x7e]+\Z")
"""What may stand between the angle brackets of SMTP: ASCII without white space, angle brackets and control characters.
More is not asked: servers know addresses without a domain, too."""


class MailServer(msgspec.Struct, frozen=True):
    host: str
    port: int


def mail_server() -> Converter:
    """`HOST [PORT]`; a name is looked up when mail is sent."""
    host_and_port = words("HOST [PORT]", "192.0.2.25", 2)

    def read(block: Block, findings: Findings) -> MailServer | None:
        if host_and_port.read(block, findings) is None:
            return None
        host, *rest = block.arguments
        port = parse_integer(rest[0], 1, 65535, "port", findings) if rest else SMTP_PORT
        return None if port is None else MailServer(host.text, port)

    return msgspec.structs.replace(host_and_port, read=read)


def mail_address() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "ADDRESS")
        return argument.text if argument and _is_address(argument, block.keyword, findings) else None

    return Converter("ADDRESS", "alived@example.com", read)


def _recipients(block: Block, findings: Findings) -> tuple[str, ...] | None:
    if not is_plain(block, findings):
        return None
    return tuple(word.text for word in block.words if _is_address(word, "notification_email", findings))


def recipients() -> Converter:
    """Addresses, one or several a line -> a tuple of lines."""
    return entries("ADDRESS", "admin@example.com", _recipients)


def _is_address(word: Word, keyword: str, findings: Findings) -> bool:
    if _ADDRESS.match(word.text) and len(word.text) <= MAX_ADDRESS:
        return True
    message = f"{word.text!r} is no address for {keyword!r}, and is not used"  # keepalived takes anything
    findings.warning(word.location, "invalid-value", message, "admin@example.com, without a name or angle brackets")
    return False
