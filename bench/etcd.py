"""A VIP for whoever holds a lease in etcd: what vip-manager and its like do, at their fastest.

An etcd of three members, and on each node a holder: it asks every 10 ms for a key whose lease lasts a second, the least
that etcd knows, and binds and announces the VIP when it has it. etcd itself is not killed, only the holder.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from alived.adapters.netns import inside
from alived.cli.demo_daemons import Daemon
from alived.raft.config import Profile
from alived.raft.profiles import TIMERS
from bench.cluster_stage import NODES, PATIENCE_S, Ownership
from bench.stage import NotSettled

TTL_S = 1
RENEW_S = 0.25
ASK_S = 0.01
_KEY = base64.b64encode(b"owner").decode()


class Etcd(Daemon):
    """A member, on its node's own addresses."""

    name = "etcd"

    def __init__(
        self,
        namespace: str,
        directory: pathlib.Path,
        number: int,
        addresses: Sequence[str],
        heartbeat_ms: int = 20,
        election_ms: int = 100,
    ) -> None:
        super().__init__(namespace, directory)
        self._number = number
        self._addresses = addresses
        self._times = ("--heartbeat-interval", str(heartbeat_ms), "--election-timeout", str(election_ms))

    def command(self) -> list[str]:
        own = self._addresses[self._number - 1]
        members = ",".join(f"m{n}=http://{address}:2380" for n, address in enumerate(self._addresses, 1))
        return [
            *("etcd", "--name", f"m{self._number}", "--data-dir", str(self.directory / "data")),
            *("--listen-peer-urls", f"http://{own}:2380", "--initial-advertise-peer-urls", f"http://{own}:2380"),
            *("--listen-client-urls", f"http://{own}:2379", "--advertise-client-urls", f"http://{own}:2379"),
            *(
                "--initial-cluster",
                members,
                "--initial-cluster-state",
                "new",
                "--logger",
                "zap",
                "--log-level",
                "error",
            ),
            *self._times,
        ]


class Holder(Daemon):
    """The process that holds the lease and the VIP."""

    name = "holder"

    def __init__(self, namespace: str, directory: pathlib.Path, address: str, vip: str) -> None:
        super().__init__(namespace, directory)
        self._arguments = (address, vip)

    def command(self) -> list[str]:
        return [sys.executable, "-m", __name__, *self._arguments]


class EtcdHolders(Ownership):
    """`daemons` are the holders."""

    def prepare(self) -> None:
        addresses = [self.network.address(f"r{n}") for n in self.numbers]
        self._members = [
            Etcd(self.network.namespace(f"r{n}"), self.network.directory / f"etcd{n}", n, addresses)
            for n in range(1, NODES + 1)
        ]
        for n in self.numbers:
            namespace, directory = self.network.namespace(f"r{n}"), self.network.directory / f"r{n}"
            self.daemons[n] = Holder(namespace, directory, addresses[n - 1], self.vips[0])

    def start(self) -> None:
        for member in self._members:
            member.start()
        super().start()

    def _stop(self) -> None:
        super()._stop()
        for member in self._members:
            if member.alive:
                member.kill()


class EtcdMembers(Ownership):
    """An etcd that nobody uses, with the heartbeats of alived in a local network: what consensus at rest costs."""

    def prepare(self) -> None:
        self._addresses = [self.network.address(f"r{n}") for n in self.numbers]
        heartbeat_ms = TIMERS[Profile.LAN].heartbeat_ns // 1_000_000
        for n in self.numbers:
            namespace, directory = self.network.namespace(f"r{n}"), self.network.directory / f"etcd{n}"
            self.daemons[n] = Etcd(namespace, directory, n, self._addresses, heartbeat_ms, 10 * heartbeat_ms)

    def settle(self) -> int:
        """The number of the leader."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for n in self.numbers:
                with contextlib.suppress(OSError, http.client.HTTPException), inside(self.network.namespace(f"r{n}")):
                    if Gateway(self._addresses[n - 1]).leads():
                        return n
            time.sleep(0.1)
        raise NotSettled("no member of etcd leads")


class Gateway:
    """etcd's JSON over HTTP (v3), on one connection that stays open."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, 2379, timeout=2)

    def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """Raises OSError or HTTPException if nobody answers."""
        self._connection.request("POST", f"/v3/{path}", json.dumps(body))
        answer: dict[str, Any] = json.loads(self._connection.getresponse().read())
        return answer

    def reconnect(self) -> None:
        self._connection.close()

    def leads(self) -> bool:
        answer = self.ask("maintenance/status")
        return bool(answer.get("leader")) and answer["leader"] == answer["header"]["member_id"]

    def grant(self) -> str:
        return str(self.ask("lease/grant", TTL=TTL_S)["ID"])

    def take(self, lease: str) -> bool:
        """Whether the key is ours now: it is, if nobody had it."""
        compare = [{"key": _KEY, "target": "CREATE", "create_revision": 0}]
        put = [{"request_put": {"key": _KEY, "value": _KEY, "lease": lease}}]
        return bool(self.ask("kv/txn", compare=compare, success=put).get("succeeded"))

    def keep(self, lease: str) -> bool:
        """False: it has run out."""
        return "TTL" in self.ask("lease/keepalive", ID=lease).get("result", {})


def hold(address: str, vip: str) -> None:
    """For ever: asks for the key until it has it, binds the VIP, keeps the lease, and lets go when it has run out."""
    etcd = Gateway(address)
    give_up = time.monotonic() + PATIENCE_S
    while True:
        subprocess.run(["ip", "address", "delete", f"{vip}/19", "dev", "eth0"], capture_output=True)
        try:
            lease = etcd.grant()
            if not _wait(etcd, lease):
                continue
            subprocess.run(["ip", "address", "replace", f"{vip}/19", "dev", "eth0"], check=True)
            announcing = [sys.executable, "-m", "alived", "announce", "-i", "eth0", "--count", "1", vip]
            with subprocess.Popen(announcing):
                while etcd.keep(lease):
                    time.sleep(RENEW_S)
        except (OSError, http.client.HTTPException, KeyError, ValueError):
            if time.monotonic() > give_up:
                raise
            etcd.reconnect()  # it is not up yet
            time.sleep(0.1)


def _wait(etcd: Gateway, lease: str) -> bool:
    """Until the key is ours; False if the lease ran out meanwhile."""
    renewed = time.monotonic()
    while not etcd.take(lease):
        if time.monotonic() - renewed > RENEW_S:
            if not etcd.keep(lease):
                return False
            renewed = time.monotonic()
        time.sleep(ASK_S)
    return True


if __name__ == "__main__":
    hold(*sys.argv[1:])
