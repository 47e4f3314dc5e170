"""Pages of HTTP_GET and SSL_GET."""

from __future__ import annotations

from typing import Any

from alived.config.keywords.checkers import CheckBlock
from alived.config.keywords.table import Settings
from alived.config.services.levels import Server, inherited
from alived.health.config import Url
from alived.health.regex.search import compiled
from alived.health.regex.syntax import RegexError, RegexNotKnown

_OF_REGEX = ("regex_no_match", "regex_options", "regex_min_offset", "regex_max_offset", "regex_stack")


_OWN = ("method", "body", "end_at_length", "decode_chunked", "max_body", "contains")


def complete_urls(check: CheckBlock, server: Server) -> tuple[Url, ...]:
    """All URLs of a check; it needs one at least."""
    blocks: tuple[CheckBlock, ...] = check.settings.get("url", ())
    if not blocks and "url" not in check.settings.tried:
        message = f"{server.name}: {check.keyword} without url checks nothing"
        server.around.fail(check.settings.location, "missing-keyword", message, "url { path / }")
    return tuple(_complete(block.settings, check, server) for block in blocks)


def _complete(said: Settings, check: CheckBlock, server: Server) -> Url:
    _check_path(said, server)
    _check_regex(said, server)
    return Url(
        path=said.get("path", "/"),
        virtualhost=inherited("virtualhost", "", said, check.settings, server.own, server.outer),
        digest=said.get("digest", ""),
        status_code=said.get("status_code") or ((200, 299),),
        regex=said.get("regex", ""),
        regex_no_match=said.get("regex_no_match", False),
        regex_options=said.get("regex_options", ()),
        regex_min_offset=said.get("regex_min_offset", 0),
        regex_max_offset=said.get("regex_max_offset"),
        regex_stack=said.get("regex_stack"),
        tls_compliant=inherited("tls_compliant", False, said, check.settings),
        **_native(said, server),
    )


def _native(said: Settings, server: Server) -> dict[str, Any]:
    """alived's own words."""
    found = {field: said.get(field) for field in _OWN if field in said}
    if "json" in said:
        found["json_path"] = said.get("json")
    if "headers" in said:
        found["headers"] = said.get("headers")
    if "body" in said and "method" not in said:
        found["method"] = "POST"
    return found


def _check_path(said: Settings, server: Server) -> None:
    if "path" not in said.tried:
        message = f"{server.name}: url without path: nothing is asked for"
        server.around.fail(said.location, "missing-keyword", message, "path /")
    elif "path" in said and not said.get("path").startswith(("/", "http://", "https://", "*")):
        message = f"{server.name}: path {said.get('path')!r} does not begin with '/': servers refuse such a request"
        server.around.warn(said.place("path"), "relative-path", message, f"path /{said.get('path')}")


def _check_regex(said: Settings, server: Server) -> None:
    if "regex" in said:
        _check_pattern(said, server)
    elif "regex" not in said.tried:
        for field in _OF_REGEX:
            if field in said:
                message = f"{server.name}: {field} has no effect without regex"
                server.around.warn(said.place(field), "no-regex", message, 'regex "PATTERN"')
    low, high = said.get("regex_min_offset", 0), said.get("regex_max_offset")
    if high is not None and low > high:
        message = f"{server.name}: regex_min_offset {low} is above regex_max_offset {high}: nothing can match"
        server.around.fail(said.place("regex_min_offset"), "out-of-range", message, f"regex_min_offset 0..{high}")


def _check_pattern(said: Settings, server: Server) -> None:
    try:
        compiled(said.get("regex"), said.get("regex_options", ()))
    except RegexError as error:
        message = f"{server.name}: regex {said.get('regex')!r}: {error}"
        if isinstance(error, RegexNotKnown):
            server.around.fail(
                said.place("regex"), "unknown-regex", message, "docs/guides/checks.md says what is known"
            )
        else:
            server.around.fail(said.place("regex"), "invalid-regex", message)
