"""A check performed by hand: by a worker, in the way of the daemon, and what it tells."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S
from alived.config.load import load_text
from alived.config.model import Config
from alived.daemon.shared.configured_checks import configured_checks
from alived.daemon.shared.messages import CheckAsked, CheckReported
from alived.daemon.worker.check_run import NoSuchCheck, choose
from alived.health.check_report import CheckReport, Speech
from alived.health.config import SmtpCheck, UdpCheck
from alived.health.recording import Side
from tests.daemon.checked import checking, listening, pool, shell, tcp, unused_port
from tests.daemon.worker.servers import saying
from tests.daemon.worker.test_checks import as_root, play
from tests.daemon.worker.worker_play import Begin, WorkerPlay

__all__ = ["as_root", "play"]


def performed(worker: WorkerPlay, name: str) -> CheckReported:
    worker.worker.handle(CheckAsked(7, name))
    worker.until(lambda: any(isinstance(message, CheckReported) for message in worker.sent))
    (message,) = (message for message in worker.sent if isinstance(message, CheckReported))
    worker.sent.remove(message)
    assert message.request_id == 7
    return message


def report(worker: WorkerPlay, name: str) -> CheckReport:
    found = performed(worker, name).report
    assert found is not None
    return found


def smtp(port: int) -> SmtpCheck:
    return SmtpCheck(connect_ip="127.0.0.1", connect_port=port, delay_loop_ns=60 * NS_PER_S, warmup_ns=60 * NS_PER_S)


def test_what_was_said_and_what_decided(play: Begin) -> None:
    with saying(b"220 hello\r\n", b"554 go away\r\n") as port:
        found = report(play(checking(mail=smtp(port))), "mail")
    (stage,) = found.stages
    assert (found.name, found.keyword, found.target) == ("mail", "SMTP_CHECK", f"127.0.0.1:{port}")
    assert (stage.ok, found.ok, found.up) == (False, False, None)
    assert stage.reason == 'the answer to HELO is "554 go away", not 250'
    assert stage.speeches == (
        Speech(Side.HAPPENED, 9, ("connected",)),
        Speech(Side.HEARD, 11, ("220 hello",)),
        Speech(Side.SENT, 33, ("HELO smtpchecker.keepalived.org",)),
        Speech(Side.HEARD, 13, ("554 go away",)),
    )
    assert found.outlook == "the check has no verdict yet: 2 results in a row like this of its own would take it down"


def test_it_changes_nothing(play: Begin) -> None:
    with listening() as port:
        worker = play(checking(web=tcp(port, 60_000, retry=1)))
        assert worker.verdict().up
    before = worker.check()
    found = report(worker, "web")
    assert (found.ok, found.up) == (False, True)
    assert found.outlook == "the check is up: 2 results in a row like this of its own would take it down"
    assert worker.check() == before
    assert len(worker.verdicts) == 1


@pytest.mark.usefixtures("as_root")
def test_a_command(play: Begin) -> None:
    worker = play(checking(cmd=shell("echo busy; exit 3", 60_000, warmup_ns=60 * NS_PER_S)))
    (stage,) = report(worker, "cmd").stages
    assert (stage.ok, stage.reason, stage.speeches) == (False, "exit 3", ())
    assert (stage.sight.exit_status, stage.sight.output) == (3, ("busy",))


def test_one_of_a_real_server_by_a_part_of_its_name(play: Begin) -> None:
    with listening() as port:
        worker = play(pool(tcp(port, 60_000), tcp(unused_port(), 60_000)))
        found = report(worker, "192.0.2.1:80 192.0.2.7:80 TCP_CHECK")
        assert (found.ok, found.stages[0].reason) == (True, "connected")
        assert found.subject == "TCP_CHECK of 192.0.2.7:80 for 192.0.2.1:80"
        assert report(worker, "CHECK 2").ok is False


def test_what_could_not_ask(play: Begin) -> None:
    worker = play(checking(web=tcp(1, 60_000, bindto="192.0.2.99", warmup_ns=60 * NS_PER_S)))
    found = report(worker, "web")
    assert found.ok is None
    assert found.outlook == "the check has no verdict yet, and stays so while it cannot ask"


def test_one_that_is_not_there(play: Begin) -> None:
    refused = performed(play(checking(web=tcp(1, 60_000))), "mail")
    assert (refused.report, refused.error) == (None, "there is no check 'mail'; there are: web")


def test_datagrams_have_no_connection(play: Begin) -> None:
    check = UdpCheck(connect_ip="127.0.0.1", connect_port=unused_port(), delay_loop_ns=60 * NS_PER_S)
    (stage,) = report(play(checking(us=check)), "us").stages
    assert stage.speeches[0].lines == ("there is a way to it",)


OTHERS = """
vrrp_instance VI_1 {
interface eth0
virtual_router_id 51
virtual_ipaddress {
192.0.2.10
}
track_script {
disk
}
track_check {
most
}
}
vrrp_script disk {
script /bin/true
}
check web {
tcp {
target 127.0.0.1 1
}
}
check most {
any web script disk
}
"""


def test_what_has_the_name_but_asks_nobody_is_told_from_what_is_not_there() -> None:
    config = load_text(OTHERS).config
    assert config is not None
    checks = configured_checks(config)
    with pytest.raises(NoSuchCheck, match="check most asks nobody itself, it counts check web, script disk: run one"):
        choose(checks, "most", config)
    with pytest.raises(
        NoSuchCheck, match="no check 'disk'; a script of this name, which alived status explains; there"
    ):
        choose(checks, "disk", config)


def test_names() -> None:
    checks = configured_checks(checking(web=tcp(1), web2=tcp(2), mail=tcp(3)))
    assert choose(checks, "web", Config()).name == "web"
    assert choose(checks, "ai", Config()).name == "mail"
    with pytest.raises(NoSuchCheck, match="3 checks have '' in their name: web; web2; mail"):
        choose(checks, "", Config())
    with pytest.raises(NoSuchCheck, match="none is configured"):
        choose({}, "web", Config())
    many = configured_checks(checking(**{f"c{number}": tcp(1) for number in range(99)}))
    with pytest.raises(NoSuchCheck, match=r"c18; c19; \.\.\.$"):
        choose(many, "x", Config())
