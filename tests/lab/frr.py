"""FRR's vrrpd as a peer: it wants its macvlans made beforehand, with the virtual MAC and the addresses on them."""

from __future__ import annotations

import ipaddress
import pathlib
import shutil
import subprocess
from collections.abc import Sequence

from alived.cli.demo_daemons import Daemon, InstanceText

FOLDER = pathlib.Path("/usr/lib/frr")


class Frr(Daemon):
    """zebra and vrrpd. Knows what the lab's instances need: priority, interval, addresses, `nopreempt`."""

    name = "frr"

    @staticmethod
    def installed() -> bool:
        return (FOLDER / "vrrpd").exists() and (FOLDER / "zebra").exists()

    def text(self, instances: Sequence[InstanceText], version: int) -> str:
        """vrrpd's configuration; remembers the instances for `start`."""
        self._instances = instances
        lines = ["log stdout"]
        for instance in instances:
            vrid = f"vrrp {instance.virtual_router_id}"
            lines += [
                f"interface {instance.interface}",
                f" {vrid} version {version}",
                f" {vrid} priority {instance.priority}",
            ]
            lines += [f" {vrid} advertisement-interval {round(instance.advert_int * 1000)}"]
            if "nopreempt" in instance.lines:
                lines += [f" no {vrid} preempt"]
            for address in map(ipaddress.ip_interface, instance.addresses):
                lines += [f" {vrid} {'ip' if address.version == 4 else 'ipv6'} {address.ip}"]
            lines += ["!"]
        return "\n".join(lines) + "\n"

    def start(self) -> int:
        (self.directory / "zebra.conf").write_text("log stdout\n")
        self.directory.parent.chmod(0o755)  # FRR's daemons become the user frr
        shutil.chown(self.directory, "frr", "frr")
        for instance in self._instances:
            self._make_macvlan(instance)
        return super().start()

    def _make_macvlan(self, instance: InstanceText) -> None:
        family = ipaddress.ip_interface(instance.addresses[0]).version
        name = f"vrrp{family}-{instance.virtual_router_id}"
        mac = f"00:00:5e:00:0{1 if family == 4 else 2}:{instance.virtual_router_id:02x}"
        script = [
            # Else the parent interface answers ARP for the macvlan's address while vrrpd holds that down.
            "sysctl -qw net.ipv4.conf.all.arp_ignore=1",
            f"ip link show {name} && exit",  # a daemon that starts again finds it there
            f"ip link add {name} link {instance.interface} type macvlan mode bridge",
            f"ip link set {name} addrgenmode none",
            f"ip link set {name} address {mac}",
            *(f"ip address add {address} dev {name}" for address in instance.addresses),
            f"ip link set {name} up",
        ]
        subprocess.run(
            ["ip", "netns", "exec", self.namespace, "sh", "-ec", "\n".join(script)], capture_output=True, check=True
        )

    def command(self) -> list[str]:
        zserv = self.directory / "zserv.api"
        zserv.unlink(missing_ok=True)
        common = f"-z {zserv} --vty_socket {self.directory} -P 0"
        script = (
            f"{FOLDER}/zebra {common} -i {self.directory}/zebra.pid -f {self.directory}/zebra.conf & "
            f"while [ ! -S {zserv} ]; do sleep 0.05; done; "
            f"exec {FOLDER}/vrrpd {common} -i {self.directory}/vrrpd.pid -f {self.config}"
        )
        return ["sh", "-c", script]

    def wait(self, timeout: float = 15) -> float:
        """zebra ends with vrrpd."""
        helpers = self.pids()[1:] if self.alive else []
        seconds = super().wait(timeout)
        for pid in helpers:
            subprocess.run(["kill", "-9", str(pid)], capture_output=True)
        return seconds
