"""Asks a server what a check asks, over its socket."""

from __future__ import annotations

import secrets

from alived.base import NS_PER_MS, NS_PER_S
from alived.health.config import NetworkCheck
from alived.health.dialogue import Verdict
from alived.health.inquiries import About, inquiry
from tests.adapters.probing import ask
from tests.servers.process import ServerProcess

LONG_NS = 60 * NS_PER_S
"""Where the server answers; it is never waited for."""
SHORT_NS = 200 * NS_PER_MS
"""Where nobody answers."""


def at(server: ServerProcess) -> dict[str, object]:
    """Fields of a check that asks it."""
    return {"connect_ip": server.address, "connect_port": server.port, "connect_timeout_ns": LONG_NS}


def outcome(check: NetworkCheck, password: str = "") -> tuple[bool, str]:
    about = About(number=secrets.randbits(16), nonce=secrets.token_urlsafe(18), password=password)
    verdict = ask(inquiry(check, about)).outcome
    assert isinstance(verdict, Verdict), verdict
    return verdict.ok, verdict.reason
