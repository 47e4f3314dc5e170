"""The notifier is killed, and the whole daemon: what waits for a receiver survives both, in order and once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

import msgspec

from alived.config.model import Config
from alived.notify.config import Notifications, Webhook
from tests.daemon.notifier.notifier_play import Web
from tests.daemon.processes import Daemon, eventually, make_config


def telling(url: str, *names: str, spool: Path) -> str:
    config = msgspec.json.decode(make_config(*names), type=Config)
    hook = Webhook(name="chat", url=url)
    notifications = Notifications(webhooks=(hook,), spool=str(spool))
    return msgspec.json.encode(msgspec.structs.replace(config, notifications=notifications)).decode()


def told(web: Web) -> list[tuple[str, str]]:
    bodies = [json.loads(heard.body) for heard in web.taken]
    assert len({body["event_id"] for body in bodies}) == len(bodies), "nothing is told twice"
    return [(body["name"], body["event"]) for body in bodies]


def spooled(spool: Path) -> int:
    return len(list((spool / "chat").glob("*.json")))


def test_what_waits_survives_the_death_of_the_notifier_and_of_the_daemon(
    daemon: Daemon, web: Web, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    web.status = 503
    daemon.start_and_wait(telling(web.url, "VI_1", "VI_2", spool=spool))
    eventually(lambda: spooled(spool) == 2, "both changes are on disk")

    killed = daemon.pid_of("notifier")
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: daemon.pid_of("notifier") != killed, "another notifier runs")
    daemon.config.write_text(telling(web.url, "VI_1", "VI_2", "VI_3", spool=spool))
    daemon.signal(signal.SIGHUP)
    eventually(lambda: spooled(spool) == 3, "news goes behind what waited")

    daemon.signal(signal.SIGKILL)
    daemon.wait()
    eventually(lambda: not any(web.taken) and spooled(spool) >= 3, "the spool outlives the daemon")
    left = spooled(spool)
    web.status = 200
    daemon.start_and_wait(telling(web.url, "VI_4", spool=spool))
    eventually(lambda: ("VI_4", "MASTER") in told(web), "all is told")
    found = told(web)
    assert found[:3] == [("VI_1", "MASTER"), ("VI_2", "MASTER"), ("VI_3", "MASTER")]
    assert found[-1] == ("VI_4", "MASTER")
    assert len(found) == left + 1
    eventually(lambda: spooled(spool) == 0, "nothing waits any more")


def test_news_that_came_while_there_was_no_notifier_is_told_by_the_next_one(
    daemon: Daemon, web: Web, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    daemon.start_and_wait(telling(web.url, "VI_1", spool=spool))
    eventually(lambda: told(web) == [("VI_1", "MASTER")], "it works")
    stopped = daemon.pid_of("notifier")
    os.kill(stopped, signal.SIGSTOP)
    daemon.config.write_text(telling(web.url, "VI_1", "VI_2", spool=spool))
    daemon.signal(signal.SIGHUP)
    eventually(lambda: "VI_2" in daemon.log(), "it has happened")
    with contextlib.suppress(ProcessLookupError):  # the parent may be tired of it already
        os.kill(stopped, signal.SIGKILL)
    eventually(lambda: told(web) == [("VI_1", "MASTER"), ("VI_2", "MASTER")], "its successor tells it")
