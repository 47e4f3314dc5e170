"""Replays holo's recorded conformance tests on our cores: `python -m tests.vrrp.holo_replay DIR...`.

A DIR holds recordings: topologies (TOPOLOGY/ROUTER/{config.json, events.jsonl, output/}) and steps (directories with
NN-input-* and NN-output-*), at any depth. A step runs on top of a topology's router; topologies that no DIR has are
taken from the corpus. Prints a line for each recording and at last `N passed, N failed`; exit status 1 if one failed.

Compared are, by channel and without regard to the order inside a channel (holo: advert, ARP, address): adverts
(version, VRID, priority, interval, addresses), gratuitous ARPs and NAs, requests to add and remove addresses and
virtual MAC devices, notifications, states with their reasons. A channel without a file has to stay silent. Not
compared: checksums and lengths (placeholders in the recordings), and the address by which holo names the new master
(IPv4 even for IPv6).

Known differences, printed when one is used:

- an advert in answer to a losing advert, and announcements after it: RFC 9568 and keepalived, not holo;
- v3: another interval is adopted (RFC 9568 section 7.1), holo refuses the advert with an interval-error;
- an address added to a master is announced at once, not by holo;
- addresses are removed from an interface that has gone down, holo leaves that to the system.
"""

from __future__ import annotations

import argparse
import collections
import json
import pathlib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.corpus import CORPUS
from tests.vrrp.holo_router import HoloRouter, Json, Output

BASE_TOPOLOGY = "v2-topo1-1"
CHANNELS = ("ibus", "protocol", "northbound-notif")
_STEP_FILE = re.compile(r"(\d+)-(input|output)-(.+?)\.jsonl?$")


class Mismatch(AssertionError):
    """What the recording says and what our cores did."""


class Recordings(NamedTuple):
    topologies: dict[tuple[str, str], pathlib.Path]
    """By topology and router."""
    steps: dict[str, pathlib.Path]


def find(directories: Iterable[pathlib.Path]) -> Recordings:
    found = Recordings({}, {})
    for directory in directories:
        for events in sorted(directory.rglob("events.jsonl")):
            found.topologies.setdefault((events.parent.parent.name, events.parent.name), events.parent)
        for path in sorted(directory.rglob("*-input-*")):
            found.steps.setdefault(path.parent.name, path.parent)
    return found


def router_of(step: str) -> str:
    """Which router of the base topology a step runs on (the recordings say it in comments of their source only)."""
    if step in ("master-down-timer1", "nb-config-virtual-addr3", "nb-config-virtual-addr4"):
        return "rt1"
    return "rt2" if step.startswith("packet-error") else "rt3"


def started(directory: pathlib.Path) -> HoloRouter:
    """A router after all events of a topology."""
    router = HoloRouter(json.loads((directory / "config.json").read_text()))
    for line in (directory / "events.jsonl").read_text().splitlines():
        ((kind, event),) = json.loads(line).items()
        if kind == "Ibus":
            router.feed_ibus(event)
        else:
            router.feed_protocol(event)
    return router


def replay_topology(directory: pathlib.Path) -> set[str]:
    """The differences that were used. Mismatch: it differs otherwise."""
    router = started(directory)
    output = directory / "output"
    expected = {channel: read_lines(output / f"{channel}.jsonl") for channel in CHANNELS}
    used = compare(expected, router.take_outputs(), directory.parent.name.startswith("v3"))
    compare_states(json.loads((output / "northbound-state.json").read_text()), router)
    return used


def replay_step(step: pathlib.Path, base: pathlib.Path) -> set[str]:
    """The differences that were used. Mismatch: it differs otherwise."""
    router = started(base)
    router.take_outputs()
    used: set[str] = set()
    for inputs, outputs in phases(step):
        states = router.states()
        for channel, path in inputs.items():
            feed(router, channel, path)
        expected = {channel: read_lines(outputs.get(channel)) for channel in CHANNELS}
        used |= compare(expected, router.take_outputs(), base.parent.name.startswith("v3"))
        if "northbound-state" in outputs:
            compare_states(json.loads(outputs["northbound-state"].read_text()), router)
        elif router.states() != states:
            raise Mismatch(f"state: {sorted(states)} became {sorted(router.states())}, the recording says nothing")
    return used


def phases(step: pathlib.Path) -> Iterator[tuple[dict[str, pathlib.Path], dict[str, pathlib.Path]]]:
    """(inputs, outputs) of each number, by channel."""
    files: dict[str, tuple[dict[str, pathlib.Path], dict[str, pathlib.Path]]] = {}
    for path in sorted(step.iterdir()):
        if match := _STEP_FILE.match(path.name):
            number, direction, channel = match.groups()
            files.setdefault(number, ({}, {}))[direction == "output"][channel] = path
    yield from files.values()


def feed(router: HoloRouter, channel: str, path: pathlib.Path) -> None:
    if channel == "northbound-config-change":
        router.configure(json.loads(path.read_text()))
        return
    for line in path.read_text().splitlines():
        if channel == "ibus":
            router.feed_ibus(json.loads(line))
        elif channel == "protocol":
            router.feed_protocol(json.loads(line))
        else:
            raise ValueError(f"{path}: unknown input")


def read_lines(path: pathlib.Path | None) -> list[Json]:
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def compare(expected: dict[str, list[Json]], outputs: list[Output], version3: bool) -> set[str]:
    used = set()
    for channel in CHANNELS:
        wanted = collections.Counter(filter(None, map(normalised, expected[channel])))
        got = collections.Counter(output.what for output in outputs if output.channel == channel)
        interval_error = ("vrrp-virtual-router-error-event", "interval-error")
        if version3 and wanted.pop(interval_error, 0):
            used.add("RFC 9568 adopts another interval")
        surplus, missing = got - wanted, wanted - got
        for output in outputs:
            if output.difference and surplus[output.what] > 0:
                surplus[output.what] -= 1
                used.add(output.difference)
        if +surplus or missing:
            raise Mismatch(f"{channel}: not in the recording {list(+surplus)}, missing {list(missing)}")
    return used


def normalised(line: Json) -> tuple[Any, ...] | None:
    """A line of a recording in the words of HoloRouter's outputs; None: nothing that we compare."""
    ((kind, body),) = line.items()
    if kind == "InterfaceSub":
        return None
    if kind == "NetTxPacket":
        return normalised_packet(body)
    if kind == "MacvlanAdd":
        return kind, body["parent_ifname"], body["ifname"], tuple(body["mac_addr"])
    if kind == "MacvlanDel":
        return kind, body["ifname"]
    if kind in ("InterfaceIpAddRequest", "InterfaceIpDelRequest"):
        return kind, body["ifname"], body["addr"]
    if kind.startswith("ietf-vrrp:"):
        (reason,) = (value for name, value in body.items() if name.endswith("-reason"))
        return kind.removeprefix("ietf-vrrp:"), reason
    raise ValueError(f"unknown output {kind}")


def normalised_packet(body: Json) -> tuple[Any, ...]:
    ((kind, packet),) = body.items()
    if kind == "Arp":
        if packet["eth_hdr"]["dst_mac"] != [255] * 6 or packet["arp_hdr"]["sender_hw_address"][:5] != [0, 0, 94, 0, 1]:
            raise ValueError(f"not a gratuitous ARP: {packet}")
        return kind, packet["vrid"], packet["arp_hdr"]["target_proto_address"]
    if kind == "NAdv":
        return kind, packet["vrid"], packet["nadv_hdr"]["target_address"]
    vrrp = packet["packet"]["vrrp"]
    version = "v2" if vrrp["version"] == "V2" else "v3"
    return kind, version, vrrp["vrid"], vrrp["priority"], vrrp["adver_int"], tuple(vrrp["ip_addresses"])


def compare_states(expected: Json, router: HoloRouter) -> None:
    wanted = set()
    for interface in expected.get("ietf-interfaces:interfaces", {}).get("interface", ()):
        for family, ip in (("IPV4", "ipv4"), ("IPV6", "ipv6")):
            for entry in interface.get(f"ietf-ip:{ip}", {}).get("ietf-vrrp:vrrp", {}).get("vrrp-instance", ()):
                wanted.add((interface["name"], family, entry["vrid"], entry["state"], entry["new-master-reason"]))
    if wanted != router.states():
        raise Mismatch(f"state: the recording says {sorted(wanted)}, ours is {sorted(router.states())}")


def replay_all(directories: Iterable[pathlib.Path]) -> Iterator[tuple[str, set[str] | Exception]]:
    """(name, the differences used or what went wrong) of each recording in the directories."""
    recordings = find(directories)
    bases = {**find([CORPUS / "holo-vrrp"]).topologies, **recordings.topologies}
    for (topology, router), directory in recordings.topologies.items():
        yield f"{topology}/{router}", outcome(replay_topology, directory)
    for name, step in recordings.steps.items():
        base = bases[BASE_TOPOLOGY, router_of(name)]
        yield name, outcome(replay_step, step, base)


def outcome(replay: Any, *arguments: pathlib.Path) -> set[str] | Exception:
    try:
        return set(replay(*arguments))
    except (Mismatch, ValueError, KeyError) as error:
        return error


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.vrrp.holo_replay", description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path, nargs="+", metavar="DIR")
    directories = parser.parse_args(arguments).directory
    for directory in directories:
        if not directory.is_dir():
            parser.error(f"{directory} is no directory")
    passed = failed = 0
    for name, result in replay_all(directories):
        if isinstance(result, set):
            passed += 1
            note = f" (known difference: {'; '.join(sorted(result))})" if result else ""
            print(f"ok      {name}{note}")
        else:
            failed += 1
            print(f"FAILED  {name}: {type(result).__name__}: {result}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
