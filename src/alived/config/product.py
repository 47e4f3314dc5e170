"""What is said about the parts around the engines: log, web, notifications. Frozen values."""

from __future__ import annotations

import enum

import msgspec

from alived.raft.config import Tls


class LogLevel(enum.StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogFormat(enum.StrEnum):
    TEXT = "text"
    JSON = "json"


class Logging(msgspec.Struct, frozen=True, kw_only=True):
    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.TEXT
    output: str = ""
    """A file; "": standard error"""


class Listen(msgspec.Struct, frozen=True):
    """address "": all."""

    address: str
    port: int


class Web(msgspec.Struct, frozen=True, kw_only=True):
    """REST interface, metrics and panel."""

    listen: Listen
    tls: Tls | None = None
    token_file: str = ""
    """Whoever knows the token may change things; without one everything is read-only"""
    metrics: bool = True
