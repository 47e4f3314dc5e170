"""Performs a check in this process, with the very code of the daemon."""

from __future__ import annotations

from alived.adapters.loop import Loop, now_ns
from alived.adapters.running_scripts import RunningScripts
from alived.adapters.scripts import ScriptHost
from alived.cli.asking import Json
from alived.config.model import Config
from alived.daemon.parent.check_desk import report_view
from alived.daemon.shared.configured_checks import configured_checks
from alived.daemon.worker.asking import Asking
from alived.daemon.worker.check_run import CheckRun, choose
from alived.health.check_report import CheckReport
from alived.health.checker import Checker


def perform(config: Config, name: str) -> Json:
    """As `alived check run --json` shows it. Raises NoSuchCheck."""
    configured = choose(configured_checks(config), name, config)
    loop = Loop()
    asking = Asking(ScriptHost(loop, RunningScripts()), config)
    reports: list[CheckReport] = []

    def done(report: CheckReport) -> None:
        reports.append(report)
        loop.stop()

    try:
        CheckRun(asking, configured, Checker(configured.subject, configured.check, now_ns(), 0.0), done)
        loop.run()
    finally:
        asking.close()
        loop.close()
    return report_view(reports[0])
