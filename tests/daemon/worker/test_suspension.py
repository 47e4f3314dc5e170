"""`ha_suspend`: servers are asked only while the address that they serve is on this machine. The kernel's own words."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from alived.base import Family
from alived.config.model import Config
from alived.daemon.shared.messages import Configure
from alived.health.check_events import CheckSnapshot
from alived.lvs.config import AddressRange, Endpoint, GroupName, Service, VirtualServerGroup
from tests.daemon.checked import listening, pool, tcp
from tests.daemon.worker.worker_play import Begin, WorkerPlay, plays
from tests.segment import OWN_ADDRESS, Segment, ip

V4, V6 = "192.0.2.50", "2001:db8::50"
GROUP = VirtualServerGroup(
    name="g",
    addresses=(
        AddressRange(first=V6, last=V6, family=Family.IPV6),
        AddressRange(first="192.0.2.40", last="192.0.2.60", family=Family.IPV4),
    ),
)


@pytest.fixture
def play(segment: Segment) -> Iterator[Begin]:
    yield from plays()


def suspending(service: Service, port: int) -> Config:
    config = pool(tcp(port))
    (one,) = config.virtual_servers
    virtual = msgspec.structs.replace(one.virtual_server, service=service, ha_suspend=True)
    services = (msgspec.structs.replace(one, virtual_server=virtual),)
    return msgspec.structs.replace(config, virtual_servers=services, virtual_server_groups=(GROUP,))


def shown(worker: WorkerPlay) -> CheckSnapshot:
    (check,) = worker.snapshot().checks.values()
    return check


@pytest.mark.parametrize("service", [Endpoint(V4, 80), GroupName("g")], ids=str)
@pytest.mark.parametrize("address", [f"{V4}/32", f"{V6}/128"])
def test_an_address_that_comes_and_goes(play: Begin, service: Service, address: str) -> None:
    if address == f"{V6}/128" and service == Endpoint(V4, 80):
        service = Endpoint(V6, 80)
    with listening() as port:
        worker = play(suspending(service, port))
        worker.until(lambda: worker.logged("checks-suspended"))
        assert (shown(worker).suspended, shown(worker).runs) == (True, 0)
        ip(f"addr add {address} dev eth0" + (" nodad" if ":" in address else ""))
        worker.until(lambda: shown(worker).runs > 2)
        assert not shown(worker).suspended
        ip(f"addr del {address} dev eth0")
        worker.until(lambda: shown(worker).suspended)
        runs = shown(worker).runs
        worker.until(lambda: shown(worker).next_run_ns)
        assert (shown(worker).runs, shown(worker).up) == (runs, True)
    assert (
        worker.logged("checks-suspended")
        == [f"the checks for {service} rest: its address is not on this machine (ha_suspend)"] * 2
    )
    assert worker.logged("checks-resumed") == [f"the checks for {service} go on: its address is here"]


def test_one_that_is_here_is_asked_at_once(play: Begin) -> None:
    with listening() as port:
        worker = play(suspending(Endpoint(OWN_ADDRESS, 80), port))
        worker.until(lambda: shown(worker).up)
    assert worker.logged("checks-suspended") == []


def test_a_reload_may_end_it(play: Begin) -> None:
    with listening() as port:
        worker = play(suspending(Endpoint(V4, 80), port))
        assert shown(worker).suspended
        worker.worker.handle(Configure(config=pool(tcp(port))))
        worker.until(lambda: shown(worker).up)
        worker.worker.handle(Configure(config=suspending(Endpoint(V4, 80), port)))
        assert shown(worker).suspended
