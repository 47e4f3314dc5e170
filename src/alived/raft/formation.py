"""Who forms a cluster, who joins one, and who is of another one.

Nodes greet each other. One that has nothing on its disk forms the cluster of its configuration when a majority of
those that shall vote, itself included, has nothing either and names the same members, and nobody says that there is a
cluster already. What a cluster begins with is the same on all nodes, so that it does no harm to form it twice, as long
as nobody was elected: after that, a node with nothing on its disk may have lost what it promised. It joins the cluster:
the leader gives it the log.

The first leader gives the cluster an id. Nobody listens to the consensus of a node before both have greeted, nor to one
whose cluster has another id: its log has nothing to do with ours.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.base import NS_PER_S
from alived.raft.config import Cluster
from alived.raft.directory import Directory, members_digest, node_number
from alived.raft.member_events import Send
from alived.raft.outbox import Outbox
from alived.raft.packets import Greeting

PATIENCE_NS = 5 * NS_PER_S
"""So long after its start a node says in the log what it waits for"""
FRESH_NS = 3 * NS_PER_S
"""So long a node without anything on its disk counts as one when it is not heard again"""


class _Known(msgspec.Struct, frozen=True):
    greeting: Greeting
    heard_ns: int


class Formation:
    """The greetings of one node."""

    def __init__(self, cluster: Cluster, interval_ns: int, outbox: Outbox, now_ns: int) -> None:
        self._name = cluster.node_id
        self._cluster = cluster
        self._digest = members_digest(cluster.members)
        self._interval_ns = interval_ns
        self._outbox = outbox
        self._known: dict[int, _Known] = {}
        self._directory: Directory | None = None
        """Of the cluster that this node is of"""
        self._complained: set[str] = set()
        self.formed = ""
        """The id of the cluster that this node is of; "": it has none yet"""
        self.begun = False
        """Somebody has been elected in it, or this node joins it: what it began with is no longer all there is"""
        self.greet_ns: int | None = now_ns
        """When it greets next; None: everybody is known"""
        self._patient_until_ns = now_ns + PATIENCE_NS

    def reconfigure(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._digest = members_digest(cluster.members)
        self._compare()

    def belong(self, directory: Directory, *, begun: bool) -> None:
        """This node is of a cluster with these members, perhaps without an id. begun: somebody was elected in it."""
        self.begun = begun
        self._directory = directory
        if directory.formed != self.formed:
            self.formed = directory.formed
            self._compare()
            self.look_round()

    def _compare(self) -> None:
        """The configuration's list of members only matters before the cluster is formed."""
        if not self.formed or self._directory is None:
            return
        configured = {member.id: member for member in self._cluster.members}
        known = {member.id: member for member in self._directory.members.values()}
        different = sorted(name for name in configured.keys() | known.keys() if configured.get(name) != known.get(name))
        if different:
            self._outbox.notice(
                "warning",
                "members-differ",
                f"the configuration and the cluster differ about {', '.join(different)}: the cluster is right, it is "
                "changed by `alived cluster add` and `remove`",
            )

    # -- greetings

    def greet(self, peers: Iterable[int], now_ns: int) -> None:
        """Those that have not been heard of, or are not part of the cluster yet."""
        if self.greet_ns is None or now_ns < self.greet_ns:
            return
        self.greet_ns = None
        for peer in peers:
            known = self._known.get(peer)
            if known is None or known.greeting.formed != self.formed or not self.formed:
                self._outbox.add(Send(peer, self._greeting(answer=False)))
                self.greet_ns = now_ns + self._interval_ns

    def look_round(self) -> None:
        """There may be somebody to greet."""
        if self.greet_ns is None:
            self.greet_ns = 0

    def heard(self, sender: int, greeting: Greeting, now_ns: int) -> None:
        self._known[sender] = _Known(greeting, now_ns)
        self.look_round()
        if not greeting.answer:
            self._outbox.add(Send(sender, self._greeting(answer=True)))
        if self.formed and greeting.formed and greeting.formed != self.formed:
            self._complain(
                "error",
                "foreign-cluster",
                f"{greeting.node} belongs to another cluster of this name (formed as {greeting.formed}, ours as "
                f"{self.formed}) and is not listened to: empty the data_dir of the one that shall join the other",
            )
        elif not self.formed and not greeting.formed and greeting.members != self._digest:
            self._complain(
                "error",
                "members-differ",
                f"{greeting.node} has other members in its configuration than this node: no cluster is formed with it",
            )

    def _greeting(self, *, answer: bool) -> Greeting:
        return Greeting(node=self._name, formed=self.formed, begun=self.begun, members=self._digest, answer=answer)

    def _complain(self, level: str, code: str, message: str) -> None:
        """Once for each state of things."""
        if message not in self._complained:
            self._complained.add(message)
            self._outbox.notice(level, code, message)

    # -- what follows

    def trusts(self, sender: int) -> bool:
        """Whether its consensus is ours."""
        known = self._known.get(sender)
        return known is not None and (
            not known.greeting.formed or not self.formed or known.greeting.formed == self.formed
        )

    def exists(self) -> bool:
        """Whether somebody is of a cluster that has begun."""
        return any(known.greeting.formed or known.greeting.begun for known in self._known.values())

    def heard_of(self) -> str:
        """The id of it; "": nobody knows one."""
        return next((known.greeting.formed for known in self._known.values() if known.greeting.formed), "")

    def may_form(self, now_ns: int) -> bool:
        """For a node with nothing on its disk."""
        voters = {node_number(member.id) for member in self._cluster.voters}
        blank = {number for number in voters & self._known.keys() if self._agrees(self._known[number], now_ns)}
        own = node_number(self._name)
        return own in voters and not self.exists() and len(blank | {own}) >= self._cluster.quorum

    def _agrees(self, known: _Known, now_ns: int) -> bool:
        greeting = known.greeting
        blank = not greeting.formed and not greeting.begun
        return blank and greeting.members == self._digest and now_ns - known.heard_ns < FRESH_NS

    def remind(self, now_ns: int) -> None:
        """Nothing comes of it: somebody should know."""
        if now_ns >= self._patient_until_ns:
            self._complain("warning", "not-formed", self.waiting_for(now_ns))

    def waiting_for(self, now_ns: int) -> str:
        """Why no cluster is formed; a sentence."""
        missing = [
            member.id
            for member in self._cluster.voters
            if member.id != self._name
            and not (
                node_number(member.id) in self._known and self._agrees(self._known[node_number(member.id)], now_ns)
            )
        ]
        return f"a majority is needed to form the cluster; not heard, or of another mind: {', '.join(missing)}"
