"""What the engine hears of verdicts: what owners may depend on."""

from __future__ import annotations

import msgspec

from alived.adapters.loop import Loop
from alived.daemon.parent.worker_errands import WorkerErrands
from alived.daemon.shared.messages import BusMessage, TrackerVerdict, TrackerVerdicts
from alived.health.trackers_config import TrackerKind
from tests.daemon.checked import checking, pool, tcp


def test_it_is_not_woken_for_real_servers() -> None:
    config = msgspec.structs.replace(pool(tcp(80)), checks=checking(web=tcp(81)).checks)
    heard: list[BusMessage] = []
    errands = WorkerErrands(Loop(), config, heard.append, lambda message: None, lambda *text: None)
    web = TrackerVerdict(TrackerKind.CHECK, "web", True, "fine", 0)
    server = TrackerVerdict(TrackerKind.CHECK, "192.0.2.1:80 192.0.2.7:80 TCP_CHECK", False, "refused", 0)
    errands.judged((server,))
    assert heard == []
    errands.judged((web,))
    errands.engine_began()
    assert heard == [TrackerVerdicts((web,)), TrackerVerdicts((web,))]
    assert set(errands.known) == {web, server}
