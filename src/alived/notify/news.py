"""What others are told: one thing that has happened."""

from __future__ import annotations

import msgspec

from alived.hooks.events import Kind, Word


class News(msgspec.Struct, frozen=True, kw_only=True):
    """The same value goes to pipes, mail and webhooks, and waits on disk for receivers that do not answer."""

    event_id: str
    """The same for the same event, however often it is told"""
    kind: Kind
    name: str
    """Of a real or virtual server: as keepalived writes it, [192.0.2.10]:tcp:80"""
    virtual_server: str = ""
    """Of a real server: the one that it belongs to"""
    word: Word
    old: str = ""
    """States, MASTER and the like; "" if no state changed"""
    new: str = ""
    priority: int = 0
    """Effective; 0 of a group"""
    term: int = 0
    """Of a lease; 0 without Raft"""
    reason: str = ""
    """The sentence that the log has, too"""
    wall_time: float = 0.0
    """time.time() of the moment"""
    repeated: bool = False
    """Nothing has happened; a reload or the start says what is so (`fifo_write_vrrp_states_on_reload`,
    `rs_init_notifies`)"""
    of_check: bool = False
    """A check of a real server has turned, and the server stays as it is: for mail only"""
