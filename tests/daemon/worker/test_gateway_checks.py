"""A real neighbour that answers or not, on a link of two namespaces, asked by a worker."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from alived.adapters import routes
from alived.base import NS_PER_MS, Family
from alived.config.model import Config
from alived.daemon.shared.messages import Configure
from alived.health.trackers_config import GatewayMethod, Tracked, TrackGateway, Tracking, Weight
from tests.daemon.tracked_scripts import tracked
from tests.daemon.worker.worker_play import Begin, WorkerPlay, plays
from tests.segment import OTHER_ADDRESS, OTHER_MAC, Segment, ip

OTHER_IPV6 = "2001:db8:0::2"


@pytest.fixture
def play(segment: Segment) -> Iterator[Begin]:
    yield from plays()


def gateway(*targets: str, **fields: object) -> TrackGateway:
    known = {"name": "uplink", "targets": targets, "interface": "eth0", "rise": 1, "fall": 1}
    times = {"interval_ns": 100 * NS_PER_MS, "timeout_ns": 100 * NS_PER_MS}
    return TrackGateway(**known | times | fields)  # type: ignore[arg-type]


def tracks(*gateways: TrackGateway) -> Config:
    known = tracked()
    names = Tracking(gateways=tuple(Tracked(one.name, Weight()) for one in gateways))
    instance = msgspec.structs.replace(known.instances[0], tracking=names)
    return msgspec.structs.replace(known, instances=(instance,), gateways=gateways)


def judged(worker: WorkerPlay, up: bool) -> str:
    worker.until(lambda: worker.verdicts and worker.verdicts[-1].up is up)
    return worker.verdicts[-1].reason


@pytest.mark.parametrize("method", [GatewayMethod.LINK, GatewayMethod.ICMP])
@pytest.mark.parametrize("target", [OTHER_ADDRESS, OTHER_IPV6])
def test_a_neighbour_that_goes_and_comes_back(
    play: Begin, segment: Segment, target: str, method: GatewayMethod
) -> None:
    worker = play(tracks(gateway(target, method=method)))
    assert "answers in" in judged(worker, True)
    if method is GatewayMethod.LINK:
        assert OTHER_MAC.hex(":") in judged(worker, True)
    with segment.other():
        ip("link set eth0 down")
    judged(worker, False)
    with segment.other():
        ip("link set eth0 up")
        if ":" in target:
            ip(f"addr replace {OTHER_IPV6}/64 dev eth0 nodad")
    judged(worker, True)


def test_the_default_route_whatever_it_is(play: Begin, segment: Segment) -> None:
    worker = play(tracks(gateway("default", interface="")))
    assert judged(worker, False) == "gateway uplink: default: there is no default route"
    ip(f"route add default via {OTHER_ADDRESS} dev eth0")
    assert f"default: {OTHER_ADDRESS} at " in judged(worker, True)
    ip("route replace default via 192.0.2.77 dev eth0")
    assert "no answer" in judged(worker, False)
    ip("route del default")
    ip(f"route add ::/0 via {OTHER_IPV6} dev eth0")
    assert routes.default_route(Family.IPV4) is None
    found = routes.default_route(Family.IPV6)
    assert found is not None and (found.gateway, found.interface) == ("2001:db8::2", "eth0")


def test_two_of_three(play: Begin, segment: Segment) -> None:
    worker = play(tracks(gateway(OTHER_ADDRESS, OTHER_IPV6, "192.0.2.77", quorum=2)))
    assert "2 of 3 targets answer, 2 wanted" in judged(worker, True)
    worker.worker.handle(Configure(tracks(gateway(OTHER_ADDRESS, OTHER_IPV6, "192.0.2.77", quorum=3))))
    assert "192.0.2.77: no answer" in judged(worker, False)
    worker.worker.handle(Configure(tracks()))
    assert worker.snapshot().trackers == ()


def test_an_interface_that_is_not_there_and_comes(play: Begin, segment: Segment) -> None:
    segment.remove_interface()
    worker = play(tracks(gateway(OTHER_ADDRESS)))
    assert "cannot be asked on eth0: No such device" in judged(worker, False)
    segment.restore_interface()
    judged(worker, True)
    ip("link set eth0 down")
    judged(worker, False)
    ip("link set eth0 up")
    judged(worker, True)


def test_the_best_default_route_counts(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        "eth1\t00000000\t020200C0\t0003\t0\t0\t50\t00000000\t0\t0\t0\n"
        "eth2\t00000000\t030200C0\t0203\t0\t0\t1\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    path = routes.IPV4_ROUTES.__class__(str(tmp_path)) / "route"
    path.write_text(text)
    monkeypatch.setattr(routes, "IPV4_ROUTES", path)
    monkeypatch.setattr(routes, "IPV6_ROUTES", path.parent / "none")
    assert routes.default_route(Family.IPV4) == routes.Route(50, "192.0.2.2", "eth1")
    assert routes.default_route(Family.IPV6) is None
