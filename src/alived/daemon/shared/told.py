"""Who is told of a change of state, in which word: the parent makes news of it, the worker runs notify scripts."""

from __future__ import annotations

from alived.config.model import Config
from alived.daemon.shared.configured_pools import server_scripts
from alived.daemon.shared.messages import Transition
from alived.hooks.config import NotifyScripts
from alived.hooks.events import Kind, Word
from alived.owner import State

WORDS = {State.MASTER: Word.MASTER, State.BACKUP: Word.BACKUP, State.FAULT: Word.FAULT, State.INIT: Word.STOP}


def notify_scripts(config: Config) -> dict[tuple[str, str], NotifyScripts]:
    """By kind and name of the object."""
    instances = {(str(Kind.INSTANCE), i.vrrp.name): i.notify for i in config.instances}
    groups = {(str(Kind.GROUP), g.vrrp.name): g.notify for g in config.sync_groups}
    raft_groups = {(str(Kind.RAFT), g.raft.name): g.notify for g in config.raft_groups}
    return instances | groups | raft_groups | server_scripts(config)


def is_old_news(change: Transition, scripts: NotifyScripts) -> bool:
    """As in keepalived: the end of an instance that nobody is told of but as FAULT, and that was in FAULT."""
    return change.deleted and change.old is State.FAULT and not scripts.says_deleted
