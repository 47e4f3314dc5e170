"""What the supervisor runs and does not know."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from alived.base import AlivedError
from alived.config.model import Config
from alived.daemon.shared.child import RoleFactory


class StartError(AlivedError):
    """The daemon cannot start; the text is for the operator."""


Reap = Callable[[Config], list[str]]
"""Removes from the network whatever an engine with this configuration may have left; gives a sentence for each thing
removed. May raise OSError."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    make_engine: RoleFactory
    make_worker: RoleFactory
    make_raft: RoleFactory
    make_notifier: Callable[[str], RoleFactory]
    """From the runtime directory"""
    why_not_start: Callable[[Config], str]
    """What this configuration needs and this machine does not have, a sentence; "" if it can start."""
    reap: Reap
