"""Virtual servers in `alived status`: whether enough real servers are up, and what each of those that are not lacks."""

from __future__ import annotations

from collections.abc import Iterator

import click

from alived.cli.asking import Json
from alived.cli.words import COLOURS, bold, loud, span


def pool_lines(service: Json) -> Iterator[str]:
    servers = service["real_servers"]
    up = sum(server["state"] == "up" for server in servers)
    yield f"virtual server {bold(service['name'])}  {_standing(service)}: {service['reason']}"
    hysteresis = f", hysteresis {service['hysteresis']}" if service["hysteresis"] else ""
    yield (
        f"    {up} of {len(servers)} real servers are up with weight {service['weight']}, "
        f"quorum {service['quorum']}{hysteresis}"
    )
    if service["suspended"]:
        yield "    its address is not on this machine, so its servers are not asked (ha_suspend)"
    if service["sorry_server_serves"]:
        yield "    " + loud(f"the sorry server {service['sorry_server']} serves")
    for server in servers:
        yield from _server_lines(server)


def _server_lines(server: Json) -> Iterator[str]:
    yield f"    {server['address']}  {_standing(server)}, {_weight(server)}: {server['reason']}"
    for check in server["failed_checks"]:
        if check["reason"] != server["reason"]:
            yield "        " + loud(check["reason"])


def _weight(server: Json) -> str:
    own = f" (its own is {server['own_weight']})" if server["own_weight"] != server["weight"] else ""
    return f"weight {server['weight']}{own}"


def _standing(thing: Json) -> str:
    return f"{click.style(thing['state'], fg=COLOURS[thing['state']], bold=True)} for {span(thing['since_s'])}"
