"""What a client and the daemon say to each other over the control socket: a JSON request a line, a JSON answer a line.

Answers about states carry the age of what they say, and what is not fresh is "unknown".
"""

from __future__ import annotations

from typing import Any

import msgspec


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Client to daemon over the control socket: command "status", "reload", "plan", "history", "members", "cluster",
    "version"."""

    command: str
    arguments: dict[str, Any] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    result: Any = None
    error: str = ""
