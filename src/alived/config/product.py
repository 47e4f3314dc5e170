"""What is said about the parts around the engines: log, web, notifications. Frozen values."""

from __future__ import annotations

import enum

import msgspec

from alived.base import NS_PER_S
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


class MessageFormat(enum.StrEnum):
    """Whose JSON a webhook gets."""

    JSON = "json"
    SLACK = "slack"
    DINGTALK = "dingtalk"
    WECOM = "wecom"
    FEISHU = "feishu"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where changes of state are reported."""

    name: str
    url: str
    format: MessageFormat = MessageFormat.JSON
    secret_file: str = ""
    """Key of the HMAC over the body; "": not signed"""
    timeout_ns: int = 10 * NS_PER_S
