"""Who the members are: the replicated state of a cluster, and how it is written in the log and in snapshots.

The consensus knows numbers, operators know names. The number of a node is a hash of its name, so that nobody has to
assign one. Name, address, role and priority of a member travel in the context of the change of the membership that
brings it; the snapshot's data carries them all, and the id that the cluster was given when it was formed.

The role of a member is what it *shall* be: one that shall vote is a learner of the consensus until it has caught up.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import assert_never

import msgspec

from alived.raft.confchange import Change, ChangeKind, ConfChange, Configuration
from alived.raft.config import Member
from alived.raft.messages import Entry, Snapshot
from alived.raft.quorum import Voters

FIRST_TERM = 1
"""In which nobody is elected: a cluster begins with it"""


@functools.lru_cache(maxsize=256)
def node_number(name: str) -> int:
    """63 bits of a hash; never 0, which is nobody."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") >> 1 or 1


def members_digest(members: Iterable[Member]) -> str:
    """Two nodes with the same one mean the same cluster; the order of the members in the file does not matter."""
    text = msgspec.json.encode(sorted(members, key=lambda member: member.id))
    return hashlib.blake2b(text, digest_size=16).hexdigest()


class Founded(msgspec.Struct, frozen=True, tag=True):
    """The first leader has given the cluster its id: the first command of the log."""

    formed: str


class Wished(msgspec.Struct, frozen=True, tag=True):
    """An operator wants this node to own, whoever leads; "": no longer."""

    node: str
    asked_by: int = 0
    request: int = 0
    """Which command of which node it was that said so"""


def encode_command(command: Founded | Wished) -> bytes:
    return msgspec.json.encode(command)


_commands: msgspec.json.Decoder[Founded | Wished] = msgspec.json.Decoder(Founded | Wished)


class _Roster(msgspec.Struct, frozen=True):
    """What a snapshot's data says."""

    formed: str
    members: tuple[Member, ...]
    wish: str = ""
    wished_by: tuple[int, int] = (0, 0)
    catching_up: bool = False


class Directory:
    """The members of the cluster, by number."""

    def __init__(self, members: Iterable[Member] = (), formed: str = "") -> None:
        self.formed = formed
        """The id that the cluster was given; "": none yet"""
        self.members: dict[int, Member] = {node_number(member.id): member for member in members}
        self.wish = ""
        """Whom an operator wants to own, as long as it is able"""
        self.wished_by = (0, 0)
        """The node that was asked, and what it calls that command"""
        self._former: dict[int, str] = {}
        """Names of those that went while this process lives"""
        self.catching_up = False
        """This node began with nothing on its disk and may lack what it once promised to have: it does not vote"""

    # -- as bytes

    @classmethod
    def decode(cls, data: bytes) -> Directory:
        """Raises msgspec.DecodeError: snapshots come from members of our own cluster."""
        roster = msgspec.json.decode(data, type=_Roster)
        directory = cls(roster.members, roster.formed)
        directory.wish = roster.wish
        directory.wished_by = roster.wished_by
        directory.catching_up = roster.catching_up
        return directory

    def encode(self) -> bytes:
        members = tuple(self.members.values())
        return msgspec.json.encode(_Roster(self.formed, members, self.wish, self.wished_by, self.catching_up))

    # -- changes

    def apply(self, entry: Entry) -> None:
        """A committed entry."""
        if entry.change is not None:
            self.apply_change(entry.change)
        elif entry.data:
            self.apply_command(entry.data)

    def apply_command(self, data: bytes) -> None:
        """The id is given once; a second leader may have proposed another one before it saw the first."""
        command = _commands.decode(data)
        match command:
            case Founded(formed):
                self.formed = self.formed or formed
            case Wished(node, asked_by, request):
                self.wish = node
                self.wished_by = (asked_by, request)
            case _:
                assert_never(command)

    def apply_change(self, change: ConfChange) -> None:
        """Members of the context come or change; those that the change removes go."""
        for one in change.changes:
            if one.kind is ChangeKind.REMOVE:
                gone = self.members.pop(one.node, None)
                if gone:
                    self._former[one.node] = gone.id
        if change.context:
            for member in msgspec.json.decode(change.context, type=tuple[Member, ...]):
                self.members[node_number(member.id)] = member

    # -- words

    def name(self, number: int) -> str:
        """ "": nobody"""
        member = self.members.get(number)
        return member.id if member else self._former.get(number) or str(number or "")

    def named(self, text: str) -> str:
        """A sentence of the consensus with names instead of numbers."""
        return re.sub(r"\d{10,}", lambda found: self.name(int(found[0])), text)


def change_of(kind: ChangeKind, member: Member) -> ConfChange:
    """One member comes, goes or becomes something else."""
    context = b"" if kind is ChangeKind.REMOVE else msgspec.json.encode((member,))
    return ConfChange((Change(kind, node_number(member.id)),), context=context)


def first_snapshot(members: Iterable[Member]) -> Snapshot:
    """What a cluster begins with. The same on all nodes that agree on the members: who forms it twice does no harm."""
    directory = Directory(sorted(members, key=lambda member: member.id))
    return Snapshot(1, FIRST_TERM, configuration_of(directory.members), directory.encode())


def configuration_of(members: Mapping[int, Member]) -> Configuration:
    voters = frozenset(number for number, member in members.items() if member.votes)
    return Configuration(Voters(voters), frozenset(members) - voters)
