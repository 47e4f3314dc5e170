"""The raft process as the parent sees it: there while the configuration has a cluster, and asked to hand over first.

It may die: the engine's leases end by themselves, and the next process starts from its log. It never takes another
node's place, another directory or another cluster in place: then it hands over, ends, and a new one starts.
"""

from __future__ import annotations

from collections.abc import Callable

from alived.base import NS_PER_S
from alived.config.change import is_another_member
from alived.config.model import Config
from alived.daemon.parent.children import RoleHost
from alived.daemon.shared.messages import BusMessage, Configure
from alived.raft.config import Cluster, Profile
from alived.raft.profiles import TIMERS
from alived.raft.succession import LAST_WORDS_TIMEOUTS

ROLE = "raft"
_STOP_MARGIN_NS = NS_PER_S // 2


class RaftPlace:
    """One raft process, or none."""

    def __init__(self, make_host: Callable[[], RoleHost], placed: Callable[[RoleHost | None], None]) -> None:
        """make_host: a host that is not started. placed: told of each one, and of its end with None."""
        self._make_host = make_host
        self._placed = placed
        self._host: RoleHost | None = None
        self._cluster: Cluster | None = None
        self._profile = Profile.LAN
        """Of the process, for life"""
        self._wanted = False
        self._leaving = False
        self._then: Callable[[], None] = self._replace

    def start(self, config: Config) -> None:
        self._cluster = config.cluster
        self._wanted = config.cluster is not None
        if self._wanted:
            self._begin()

    def configure(self, config: Config) -> bool:
        """Starts, replaces, ends or configures the process. Whether it will confirm the configuration."""
        before, self._cluster = self._cluster, config.cluster
        self._wanted = config.cluster is not None
        if self._leaving:
            return self._wanted  # the next one starts with what is current then
        if self._host is None:
            if self._wanted:
                self._begin()
        elif before is None or config.cluster is None or is_another_member(before, config.cluster):
            self._leave(self._replace)
        else:
            self._host.send(Configure(config=config))
        return self._wanted

    @property
    def _stop_limit_ns(self) -> int:
        """To hand over and end: the member gives itself some election timeouts. The engine is asked to stop after that,
        and owns until then what it owns."""
        return LAST_WORDS_TIMEOUTS * TIMERS[self._profile].election_ns + _STOP_MARGIN_NS

    def send(self, message: BusMessage) -> None:
        """To the process, if there is one."""
        if self._host is not None:
            self._host.send(message)

    def ask_to_stop(self) -> bool:
        """From a signal handler: the first word of `stop`. Whether there is anybody to ask."""
        if self._host is None:
            return False
        self._host.ask_to_stop()
        return True

    def stop(self, ended: Callable[[], None]) -> None:
        """For good: it hands over and ends; calls back at once if there is none."""
        self._wanted = False
        if self._host is None:
            ended()
        else:
            self._leave(ended)

    def _begin(self) -> None:
        assert self._cluster is not None, "wanted without a cluster"
        self._profile = self._cluster.profile
        self._host = self._make_host()
        self._placed(self._host)
        self._host.start()

    def _leave(self, then: Callable[[], None]) -> None:
        assert self._host is not None
        self._then = then
        if not self._leaving:
            self._leaving = True
            self._host.stop(self._stop_limit_ns, self._gone)

    def _gone(self, _graceful: bool) -> None:
        self._leaving = False
        self._host = None
        self._placed(None)
        self._then()

    def _replace(self) -> None:
        if self._wanted:
            self._begin()
