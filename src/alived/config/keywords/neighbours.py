"""Tables of alived's own trackers besides checks: `gateway` and `unit`."""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    choice,
    integer,
    interface,
    only_argument,
    read_address,
    seconds,
    word,
)
from alived.config.keywords.table import Settings, table, works
from alived.config.keywords.trackers import FLAP_DAMPING, MAX_COUNT, require, weight
from alived.config.text.blocks import Block
from alived.health.trackers_config import DEFAULT_ROUTES, MAX_WEIGHT, GatewayMethod, TrackGateway, TrackUnit, Weight

MAX_TARGETS = 64
MAX_SECONDS = 3600
SUFFIXES = (".service", ".socket", ".target", ".mount", ".timer", ".path", ".device", ".swap", ".slice", ".scope")


def _targets() -> Converter:
    """`ADDRESS...` -> texts."""

    def read(block: Block, findings: Findings) -> tuple[str, ...] | None:
        if not block.arguments:
            only_argument(block, findings, "ADDRESS...")
            return None
        found: list[str] = []
        for argument in block.arguments:
            if argument.text in DEFAULT_ROUTES:
                text = argument.text
            else:
                address = read_address(argument, findings)
                if address is None:
                    return None
                text = address.text
            if text in found:
                findings.warning(
                    argument.location, "duplicate-entry", f"{text} is asked once only", "remove one of them"
                )
            else:
                found.append(text)
        return tuple(found)

    shape = f"{{ADDRESS|{'|'.join(DEFAULT_ROUTES)}}}..."
    return Converter(shape, "192.0.2.1 192.0.2.2", read, merge="append")


def build_gateway(name: str, said: Settings, findings: Findings) -> TrackGateway | None:
    targets: tuple[str, ...] | None = require(name, "target", "target ADDRESS...", said, findings)
    if targets is None:
        return None
    method, where = said.get("method"), said.get("interface", "")
    link = method != GatewayMethod.ICMP
    wrong = [one for one in targets if method in ("arp", "ndp") and _is_ipv6(one) is (method == "arp")]
    if wrong:
        message = f"{name}: {method} cannot ask {', '.join(wrong)}: arp is for IPv4, ndp for IPv6"
        findings.error(said.place("method"), "wrong-family", message, "without method each is asked as it should be")
    if link and not where and not all(one in DEFAULT_ROUTES for one in targets):
        message = f"{name}: an address is asked on a link, and it is not said on which"
        findings.error(said.location, "missing-keyword", message, "interface NAME, or method icmp")
    quorum: int = said.get("quorum", 1)
    if quorum > len(targets):
        message = f"{name}: quorum {quorum} of {len(targets)} targets: it could never be up"
        findings.error(said.place("quorum"), "out-of-range", message, "quorum <= number of targets")
    interval: int = said.get("interval", NS_PER_S)
    timeout: int = said.get("timeout", min(interval, NS_PER_S))
    if timeout > interval:
        message = f"{name}: the timeout is longer than the interval, which counts"
        findings.warning(said.place("timeout"), "timeout-above-interval", message, "timeout <= interval")
    return TrackGateway(
        name=name,
        targets=targets,
        quorum=quorum,
        interface=where,
        method=GatewayMethod.LINK if link else GatewayMethod.ICMP,
        interval_ns=interval,
        timeout_ns=min(timeout, interval),
        rise=said.get("rise", 2),
        fall=said.get("fall", 3),
        weight=said.get("weight", Weight()),
        flap_damping=said.get("flap_damping"),
    )


def _is_ipv6(target: str) -> bool:
    return ":" in target or target == DEFAULT_ROUTES[1]


GATEWAY = table(
    "in gateway",
    works("target", _targets(), "Who must answer; default and default6: the gateway of the default route."),
    works("quorum", integer(1, MAX_TARGETS, 1), "How many of them must answer.", default="1"),
    works("interface", interface(), "The link on which they are asked.", default="that of the default route"),
    works("method", choice("arp", "ndp", "icmp"), "How they are asked.", default="arp for IPv4, ndp for IPv6"),
    works("interval", seconds(0.01, MAX_SECONDS, "0.5"), "Time between two questions.", default="1"),
    works("timeout", seconds(0.01, MAX_SECONDS, "0.5"), "For an answer.", default="interval, at most 1"),
    works("rise", integer(1, MAX_COUNT, 2), "Answers in a row before a target is up.", default="2"),
    works("fall", integer(1, MAX_COUNT, 3), "Questions in vain in a row before a target is down.", default="3"),
    works("weight", weight(MAX_WEIGHT), "Change of the priority; 0: FAULT while it is down.", default="0"),
    FLAP_DAMPING,
)


def build_unit(name: str, said: Settings, findings: Findings) -> TrackUnit | None:
    unit: str | None = require(name, "systemd_unit", "systemd_unit UNIT.service", said, findings)
    if unit is None:
        return None
    if not unit.endswith(SUFFIXES):
        unit += ".service"
    return TrackUnit(
        name=name,
        unit=unit,
        interval_ns=said.get("interval", NS_PER_S),
        rise=said.get("rise", 1),
        fall=said.get("fall", 1),
        weight=said.get("weight", Weight()),
        flap_damping=said.get("flap_damping"),
    )


UNIT = table(
    "in unit",
    works("systemd_unit", word("UNIT", "nginx.service"), "Unit of systemd; without a suffix it is a service."),
    works("interval", seconds(0.1, MAX_SECONDS, "2"), "Time between two questions.", default="1"),
    works("rise", integer(1, MAX_COUNT, 2), "Answers in a row before it is up.", default="1"),
    works("fall", integer(1, MAX_COUNT, 2), "Answers in a row before it is down.", default="1"),
    works("weight", weight(MAX_WEIGHT), "Change of the priority; 0: FAULT while it is down.", default="0"),
    FLAP_DAMPING,
)
