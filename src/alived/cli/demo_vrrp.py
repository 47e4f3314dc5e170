"""`alived demo`: three nodes that elect a master by VRRP; one of them may be the real keepalived."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alived.cli.demo_daemons import Alived, Daemon, InstanceText, Keepalived, keepalived_conf
from alived.cli.demo_lab import PRIORITIES, VIP, Node, Stage
from alived.cli.demo_step import Step

VIRTUAL_ROUTER_ID = 51


def master_down_interval(priority: int, interval_s: float, version: int) -> float:
    """RFC 9568 section 6.1; RFC 3768 counts the skew in seconds."""
    return 3 * interval_s + skew_time(priority, interval_s, version)


def skew_time(priority: int, interval_s: float, version: int) -> float:
    return (256 - priority) / 256 * (interval_s if version == 3 else 1.0)


class VrrpStage(Stage):
    """n1 has the highest priority, then n2."""

    explanation = (
        "theory: RFC 9568's Master_Down_Interval or Skew_Time.",
        "two answered: the old owner's kernel still had the address.",
    )

    def __init__(self, *, interval_s: float, version: int, keepalived: bool) -> None:
        super().__init__()
        self.interval_s = interval_s
        self.version = version
        self._keepalived_node = "n2" if keepalived else ""

    def daemon_of(self, name: str) -> type[Daemon]:
        return Keepalived if name == self._keepalived_node else Alived

    def configuration_of(self, node: Node) -> str:
        instance = InstanceText(
            name="demo",
            virtual_router_id=VIRTUAL_ROUTER_ID,
            priority=node.priority,
            advert_int=self.interval_s,
            addresses=[f"{VIP}/24"],
        )
        return keepalived_conf([instance], version=self.version)

    @property
    def first_owners(self) -> tuple[str, ...]:
        return ("n1",)

    @property
    def first_wait_s(self) -> float:
        return master_down_interval(PRIORITIES["n1"], self.interval_s, self.version)

    @property
    def about(self) -> str:
        return f"adverts every {self.interval_s:g} s"

    def script(self, owner: Callable[[], str]) -> Iterator[Step]:
        """n1 is hit by everything, n2 takes over, n1 comes back and preempts."""
        n1, n2 = self.nodes["n1"], self.nodes["n2"]
        interval = self.interval_s
        down = master_down_interval(n2.priority, interval, self.version)
        silence = (down - interval, down)
        skew = skew_time(n2.priority, interval, self.version)
        back = (0.0, master_down_interval(n1.priority, interval, self.version))
        lingers = "its kernel still has the VIP for a while"
        returned = "n1 comes back and preempts"
        started = f"{returned}; plus the start of the process"
        yield Step("kill -9 of all processes of n1", n1.daemon.kill, ("n2",), silence, lingers)
        yield Step("n1 starts again", n1.daemon.start, ("n1",), (back[1], back[1]), started)
        yield Step("n1 stops gracefully (SIGTERM)", n1.daemon.terminate, ("n2",), (skew, skew), "priority 0 is sent")
        yield Step("n1 starts again", n1.daemon.start, ("n1",), (back[1], back[1]), started)
        yield Step("n1 freezes (SIGSTOP)", n1.freeze, ("n2",), silence, lingers)
        yield Step("n1 thaws (SIGCONT)", n1.thaw, ("n1",), back, returned)
        yield Step("n1's cable is pulled", lambda: self.plug(n1, plugged=False), ("n2",), silence)
        yield Step("n1's cable is plugged in", lambda: self.plug(n1, plugged=True), ("n1",), back, returned)
