"""What the body of an answer must be, told piece by piece and with bounded memory."""

from __future__ import annotations

import hashlib
from typing import Protocol

from alived.health import json_path
from alived.health.config import JsonAssertion, Url
from alived.health.dialogues.conversation import printable, shown
from alived.health.regex.search import Search, compiled


class Condition(Protocol):
    def feed(self, data: bytes) -> None: ...

    def failure(self, cut: bool) -> str:
        """At the end. Why it does not hold, as a sentence; "": it does. cut: there was more that was not read."""


def conditions(url: Url) -> list[Condition]:
    """In keepalived's order, then ours."""
    found: list[Condition] = []
    if url.digest:
        found.append(Digest(url.digest))
    if url.regex:
        found.append(Regex(url))
    if url.contains:
        found.append(Contains(url.contains))
    if url.json_path:
        found.append(Json(url.json_path))
    return found


class Digest:
    """MD5, since that is what keepalived's `genhash` prints."""

    def __init__(self, expected: str) -> None:
        self._expected = expected
        self._hash = hashlib.md5(usedforsecurity=False)

    def feed(self, data: bytes) -> None:
        self._hash.update(data)

    def failure(self, cut: bool) -> str:
        if cut:
            return "the body is longer than max_body, so its digest is not known"
        found = self._hash.hexdigest()
        return "" if found == self._expected else f"the digest of the body is {found}, not {self._expected}"


class Regex:
    def __init__(self, url: Url) -> None:
        program = compiled(url.regex, url.regex_options)
        self._search = Search(program, url.regex_min_offset, url.regex_max_offset)
        self._url = url

    def feed(self, data: bytes) -> None:
        self._search.feed(data)

    def failure(self, cut: bool) -> str:
        found = self._search.found_at_end()
        if self._search.given_up:
            return "regex takes too much work on this body"
        if found is not self._url.regex_no_match:
            return ""
        said = "matches, but must not" if found else "does not match the body"
        return f"regex {printable(self._url.regex)[:80]} {said}"


class Contains:
    """Keeps as much as the text less one octet, since pieces may cut it."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._kept = b""
        self._found = False

    def feed(self, data: bytes) -> None:
        if not self._found:
            seen = self._kept + data
            self._found = self._text in seen
            self._kept = seen[max(0, len(seen) - len(self._text) + 1) :]

    def failure(self, cut: bool) -> str:
        return "" if self._found else f"{shown(self._text)} is not in the body"


class Json:
    def __init__(self, assertions: tuple[JsonAssertion, ...]) -> None:
        self._assertions = assertions
        self._document = bytearray()

    def feed(self, data: bytes) -> None:
        self._document += data[: json_path.MAX_DOCUMENT + 1 - len(self._document)]

    def failure(self, cut: bool) -> str:
        return json_path.failure(bytes(self._document), self._assertions)
