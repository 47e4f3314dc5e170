"""What alived's checks of HTTP say beyond keepalived's: the request, the end of the body, what must be in it, TLS."""

from __future__ import annotations

import re

import msgspec

from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    FileUse,
    boolean,
    entries,
    escaped_text,
    integer,
    invalid,
    only_argument,
)
from alived.config.keywords.product import path
from alived.config.keywords.table import works
from alived.config.text.blocks import Block
from alived.health.config import MAX_BODY, Comparison, JsonAssertion
from alived.health.json_path import JsonPathError, parse

LONGEST_BODY = 1 << 30
LONGEST_EXPIRY_DAYS = 3650
_METHOD = re.compile(r"[A-Z]{1,16}\Z")
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}\Z")
_FRAMING = tuple(name.lower() for name in ("Content-Length", "Transfer-Encoding"))
"""Fields that say where the body ends: that is known already"""


def method() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "METHOD")
        if argument is None or _METHOD.match(argument.text):
            return argument.text if argument else None
        invalid(argument, block.keyword, "a method of HTTP, such as GET, HEAD or POST", findings)
        return None

    return Converter("METHOD", "HEAD", read)


def _field(block: Block, findings: Findings) -> tuple[str, str] | None:
    """A line of `headers`."""
    words = [word.text for word in block.arguments]
    if len(words) != 1:
        message = f"field {block.keyword!r} of the request needs one value, here are {len(words)}"
        findings.error(block.location, "invalid-value", message, f'{block.keyword} "a value"')
    elif not _FIELD_NAME.match(block.keyword) or block.keyword.lower() in _FRAMING:
        message = f"{block.keyword!r} cannot be a field of the request"
        findings.error(block.location, "invalid-value", message, "letters, digits and hyphens; not Content-Length")
    elif not words[0].isprintable():
        message = f"the value of {block.keyword!r} has characters that no field may have"
        findings.error(block.location, "invalid-value", message, "one line of text")
    else:
        return block.keyword, words[0]
    return None


def _assertion(block: Block, findings: Findings) -> JsonAssertion | None:
    """A line of `json`: a path, and what must be there."""
    where, words = block.keyword, [word.text for word in block.arguments]
    try:
        parse(where)
    except JsonPathError as error:
        findings.error(block.location, "invalid-value", f"{error}", "$.status, $.nodes[0] or $['name']")
        return None
    if not words:
        return JsonAssertion(where)
    if len(words) != 2 or words[0] not in list(Comparison):
        message = f"{where}: {' '.join(words)!r} is no comparison with a value"
        hint = f"{where} == UP; one of {' '.join(Comparison)}"
        findings.error(block.location, "invalid-value", message, hint)
        return None
    return JsonAssertion(where, Comparison(words[0]), _json_value(words[1]))


def _json_value(word: str) -> str | int | float | bool | None:
    """As JSON if it is a value of it, else the word itself: UP is a text, 5 a number, '"5"' a text."""
    try:
        value: object = msgspec.json.decode(word)
    except msgspec.DecodeError:
        return word
    return value if value is None or isinstance(value, str | int | float | bool) else word


OF_URL = (
    works("method", method(), "Method of the request.", default="GET; POST if there is a body"),
    works("headers", entries("NAME VALUE", 'X-Token "a b"', _field), "Fields of the request; they replace ours."),
    works("body", escaped_text("text", '"all is well"'), "Body of the request.", default="none"),
    works("end_at_length", boolean(), "The body ends as the header says, not with the connection.", default="off"),
    works("decode_chunked", boolean(), "Look at the body without the marks of its chunks.", default="off"),
    works("max_body", integer(1, LONGEST_BODY, 65536), "Octets of the body that are read.", default=str(MAX_BODY)),
    works("contains", escaped_text("text", '"all is well"'), "Text that must be in the body."),
    works("json", entries("PATH [COMPARISON VALUE]", "$.status == UP", _assertion), "What JSON in the body must say."),
)
EXPIRY = works(
    "tls_expiry_days",
    integer(1, LONGEST_EXPIRY_DAYS, 14),
    "Warn so many days before the certificate of the server expires.",
    default="no warning",
)
OF_TLS = (
    works("tls_verify", boolean(), "The certificate must be right and for the name that is said.", default="off"),
    works("tls_ca", path(FileUse.PUBLIC_OF_WORKER), "Authorities that are trusted.", default="those of the system"),
    works("tls_certificate", path(FileUse.PUBLIC_OF_WORKER), "Our certificate.", default="that of SSL"),
    works("tls_key", path(FileUse.PRIVATE), "Its key.", default="that of SSL"),
    EXPIRY,
)
