"""Readers that alived's own blocks share, and the tables of what stands around the engines: log, web, notifications."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    FileUse,
    boolean,
    invalid,
    only_argument,
    parse_address,
)
from alived.config.keywords.table import Settings, Table, read_settings, table, works
from alived.config.product import Listen, LogFormat, Logging, LogLevel, Web
from alived.config.text.blocks import Block, Word
from alived.raft.config import Tls

MAX_PORT = 65535
_HOST_PORT = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[^:]*))(?::(?P<port>[0-9]{1,5}))?\Z")


def nested(rows: Table, example: str, build: Callable[[Settings, Findings], Any] | None = None) -> Converter:
    """A block of keywords without a name -> Settings, or what `build` makes of them."""

    def read(block: Block, findings: Findings) -> Any:
        for argument in block.arguments:
            message = f"{argument.text!r} after {block.keyword!r} is skipped: this block has no name"
            findings.warning(argument.location, "extra-arguments", message)
        settings = read_settings(block, rows, findings)
        return build(settings, findings) if build else settings

    return Converter("{ ... }", f"{{\n{example}\n}}", read, block=True)


def required(settings: Settings, keyword: str, where: str, findings: Findings, example: str) -> Any:
    """A value that a block cannot do without; None after a report, which is made once. example: of a value."""
    if keyword not in settings and keyword not in settings.tried:
        message = f"{keyword} is missing in {where!r}"
        findings.error(settings.location, "missing-keyword", message, f"{keyword} {example}")
    return settings.get(keyword)


def insensitive_choice(*choices: str) -> Converter:
    """One of some words in any case."""

    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "|".join(choices))
        if argument is None or argument.text.lower() in choices:
            return argument.text.lower() if argument else None
        invalid(argument, block.keyword, " or ".join(choices), findings)
        return None

    return Converter("|".join(choices), choices[0], read)


def path(use: FileUse | None = None) -> Converter:
    """The path of a file or directory. A relative one depends on where the daemon was started: warned about. use: of a
    file that must be there."""

    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "PATH")
        return check_path(argument, block.keyword, findings) if argument else None

    return Converter("PATH", "/etc/alived/file", read, file_use=use)


def check_path(argument: Word, keyword: str, findings: Findings) -> str | None:
    if not argument.text or "\0" in argument.text:
        invalid(argument, keyword, "a path", findings)
        return None
    if not argument.text.startswith("/"):
        message = f"{keyword} {argument.text!r} is relative to wherever the daemon is started"
        findings.warning(argument.location, "relative-path", message, "a path that begins with /")
    return argument.text


def host_port(default_port: int | None, any_host: bool) -> Converter:
    """`ADDRESS:PORT`, `[IPV6]:PORT` -> Listen. default_port None: the port must be said; any_host: may be `:PORT`."""

    def read(block: Block, findings: Findings) -> Listen | None:
        argument = only_argument(block, findings, "ADDRESS:PORT")
        return _parse_host_port(argument, block.keyword, findings) if argument else None

    def _parse_host_port(argument: Word, keyword: str, findings: Findings) -> Listen | None:
        match = _HOST_PORT.match(argument.text)
        host = (match["v6"] or match["v4"] or "") if match else ""
        found = parse_address(host)
        port = int(match["port"]) if match and match["port"] else default_port
        if match is None or (found is None and (host or not any_host)):
            hint = "ADDRESS:PORT or [IPV6]:PORT; names are not resolved"
            message = f"{argument.text!r} is no address for {keyword!r}"
            findings.error(argument.location, "invalid-address", message, hint)
            return None
        if port is None or not 1 <= port <= MAX_PORT:
            invalid(argument, keyword, f"a port from 1 to {MAX_PORT} behind the address", findings)
            return None
        if found is not None and found.is_unspecified and not any_host:
            invalid(argument, keyword, "the address under which the others reach the node", findings)
            return None
        return Listen("" if found is None or found.is_unspecified else found.text, port)

    return Converter("ADDRESS:PORT", "192.0.2.1:7946", read)


TLS = table(
    "in tls",
    works("ca_file", path(FileUse.PUBLIC), "Certificates of those who sign the certificates of the others."),
    works("cert_file", path(FileUse.PUBLIC), "Our certificate."),
    works("key_file", path(FileUse.KEY), "The key of our certificate."),
)


def _build_tls(settings: Settings, findings: Findings) -> Tls | None:
    files = {name: required(settings, name, "tls", findings, f"/etc/alived/{name}.pem") for name in TLS}
    return None if None in files.values() else Tls(**files)


def tls() -> Converter:
    """`tls { ... }` -> Tls."""
    example = "ca_file /etc/alived/ca.pem\ncert_file /etc/alived/node.pem\nkey_file /etc/alived/node.key"
    return nested(TLS, example, _build_tls)


LOGGING = table(
    "in logging",
    works("level", insensitive_choice(*LogLevel), "Least severity that is logged.", default="info"),
    works("format", insensitive_choice(*LogFormat), "Lines for people or JSON.", default="text"),
    works("output", path(), "File that the log goes to.", default="standard error"),
)


def _build_logging(settings: Settings, findings: Findings) -> Logging:
    level = LogLevel(settings.get("level", LogLevel.INFO))
    return Logging(level=level, format=LogFormat(settings.get("format", "text")), output=settings.get("output", ""))


def logging() -> Converter:
    """`logging { ... }` -> Logging."""
    return nested(LOGGING, "level info", _build_logging)


WEB = table(
    "in web",
    works("listen", host_port(None, any_host=True), "Where the web interface listens."),
    works("tls", tls(), "HTTPS; with ca_file only clients with a certificate.", children=TLS),
    works("token_file", path(FileUse.KEY), "File with the token of those who may change things.", default="read-only"),
    works("metrics", boolean(), "Serve /metrics.", default="on"),
)


def _build_web(settings: Settings, findings: Findings) -> Web | None:
    listen: Listen | None = required(settings, "listen", "web", findings, "127.0.0.1:8080")
    if listen is None:
        return None
    token_file: str = settings.get("token_file", "")
    if token_file and "tls" not in settings and not listen.address.startswith("127."):
        message = "a token that travels without TLS can be read by anybody on the way"
        findings.warning(
            settings.place("token_file"), "token-without-tls", message, "tls { ... }, or listen on 127.0.0.1"
        )
    return Web(listen=listen, tls=settings.get("tls"), token_file=token_file, metrics=settings.get("metrics", True))


def web() -> Converter:
    """`web { ... }` -> Web."""
    return nested(WEB, "listen 127.0.0.1:9112", _build_web)
