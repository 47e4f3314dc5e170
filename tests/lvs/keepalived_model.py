"""What keepalived does, statement by statement as its check/ipwrapper.c does it: flags that commands set and look at,
where ours says at each moment what should be. Both must come to the same."""

from __future__ import annotations

import dataclasses

from alived.lvs.pool_events import PoolConfig


@dataclasses.dataclass(eq=False)
class Checker:
    is_up: bool
    alpha: bool
    has_run: bool = False
    cur_weight: int = 0


@dataclasses.dataclass(eq=False)
class Server:
    name: str
    iweight: int
    inhibit: bool = False
    checkers: dict[str, Checker] = dataclasses.field(default_factory=dict)
    effective_weight: int = 0
    num_failed_checkers: int = 0
    alive: bool = False
    set: bool = False

    def __post_init__(self) -> None:
        self.effective_weight = self.iweight
        self.num_failed_checkers = sum(not checker.is_up for checker in self.checkers.values())

    @property
    def real_weight(self) -> int:
        return max(self.effective_weight, 0)


class Keepalived:
    """A virtual server. `said` are its notifications, `ipvs` is what the kernel has."""

    def __init__(self, config: PoolConfig) -> None:
        settings = config.virtual_server
        self.quorum, self.hysteresis = settings.quorum, settings.hysteresis
        self.servers = {
            member.name: Server(
                member.name,
                member.server.weight,
                member.server.inhibit_on_failure,
                {check.name: Checker(not check.alpha, check.alpha) for check in member.checks},
            )
            for member in config.members
        }
        sorry = settings.sorry_server
        self.s_svr = Server("sorry", 1, sorry.inhibit) if sorry else None
        self.quorum_state_up = False
        self.ipvs: dict[str, int] = {}
        self.said: list[str] = []
        self._init_service_vs()

    def hear(self, name: str, check: str, alive: bool) -> None:
        """update_svr_checker_state"""
        server = self.servers[name]
        checker = server.checkers[check]
        if checker.is_up is alive:
            if not checker.has_run and (checker.alpha or not alive):
                self._rs_notifies(server)
            checker.has_run = True
            return
        checker.has_run = True
        if alive:
            if server.num_failed_checkers <= 1:
                self._perform_svr_state(server, True)
            server.num_failed_checkers -= 1
        else:
            if server.num_failed_checkers == 0:
                self._perform_svr_state(server, False)
            server.num_failed_checkers += 1
        checker.is_up = alive

    def weigh(self, name: str, check: str, weight: int | None) -> None:
        """misc_check_child_thread of a run that succeeded, then update_svr_wgt."""
        server = self.servers[name]
        checker = server.checkers[check]
        old = server.real_weight
        server.effective_weight -= checker.cur_weight
        checker.cur_weight = 0 if weight is None else weight - server.iweight
        server.effective_weight += checker.cur_weight
        if server.real_weight != old:
            if server.set and server.alive and (self.quorum_state_up or not self.s_svr or not self.s_svr.alive):
                self.ipvs[server.name] = server.real_weight
            self._update_quorum_state(init=False)

    def unweigh(self, name: str, check: str) -> None:
        """The same of a run that failed: without another look at the quorum."""
        server = self.servers[name]
        checker = server.checkers[check]
        server.effective_weight -= checker.cur_weight
        checker.cur_weight = 0

    def _add(self, server: Server) -> None:
        """ipvs_cmd(LVS_CMD_ADD_DEST)"""
        weight = server.real_weight
        if not server.set:
            server.set = True
            if server.inhibit and server.num_failed_checkers:
                weight = 0
        self.ipvs[server.name] = weight

    def _delete(self, server: Server) -> None:
        """ipvs_cmd(LVS_CMD_DEL_DEST)"""
        if server.inhibit:
            self.ipvs[server.name] = 0
        else:
            server.set = False
            del self.ipvs[server.name]

    def _init_service_vs(self) -> None:
        for server in self.servers.values():
            if not server.num_failed_checkers or server.inhibit:
                self._add(server)
                server.alive = not server.num_failed_checkers
        self._update_quorum_state(init=True)
        if self.s_svr and self.s_svr.inhibit and not self.s_svr.set:
            self.s_svr.num_failed_checkers = 1
            self._add(self.s_svr)
            self.s_svr.num_failed_checkers = 0

    def _perform_svr_state(self, server: Server, alive: bool) -> None:
        if self.quorum_state_up or not self.s_svr or not self.s_svr.alive:
            if alive:
                self._add(server)
            else:
                self._delete(server)
        server.alive = alive
        self._rs_notifies(server)
        self._update_quorum_state(init=False)

    def _update_quorum_state(self, *, init: bool) -> None:
        weight_sum = sum(server.real_weight for server in self.servers.values() if server.alive)
        threshold = self.quorum + (-1 if self.quorum_state_up else 1) * self.hysteresis
        if not self.quorum_state_up and weight_sum >= threshold:
            self.quorum_state_up = True
            if self.s_svr and self.s_svr.alive:
                self._delete(self.s_svr)
                self.s_svr.alive = False
                self._perform_quorum_state(add=True)
            self.said.append("gained")
        elif (self.quorum_state_up and (not weight_sum or weight_sum < threshold)) or (
            init and not self.quorum_state_up and self.s_svr and not self.s_svr.alive
        ):
            self.quorum_state_up = False
            if self.s_svr and not self.s_svr.alive:
                self._perform_quorum_state(add=False)
                self._add(self.s_svr)
                self.s_svr.alive = True
            self.said.append("lost")

    def _perform_quorum_state(self, *, add: bool) -> None:
        for server in self.servers.values():
            if server.alive and add:
                self._add(server)
            elif server.alive:
                self._delete(server)

    def _rs_notifies(self, server: Server) -> None:
        self.said.append(f"{'up' if server.alive else 'down'} {server.name}")
