"""The real parent with fake roles: `python -m tests.daemon.fake_daemon --config FILE --runtime-dir DIR [--single]`.

The configuration is JSON of `Config`, or a text that starts with "bad" / "hang" / "crash" for a file that cannot be
read, takes forever or kills its reader. The fake engine "binds" its addresses as files `bound/NAME` in the runtime
directory; the fake reaper removes them. Orders come as files: `orders/hang`, `orders/crash` and so on.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from alived.adapters.loop import now_ns
from alived.base import NS_PER_MS, ConfigError, Diagnostic, Location, Severity
from alived.config.model import Config
from alived.daemon.elector.raft_role import why_not_start
from alived.daemon.main import serve
from alived.daemon.options import Options
from alived.daemon.parent.notifier_place import make_notifier
from alived.daemon.parent.parts import Parts
from alived.daemon.parent.reading import Reading
from alived.daemon.shared.child import ChildContext, ChildFailure
from alived.daemon.shared.messages import (
    BusMessage,
    ClusterOutcome,
    ClusterRequest,
    Configure,
    Configured,
    EngineEnded,
    EngineSnapshot,
    HookDue,
    HookOutcome,
    SnapshotRequest,
    TrackerVerdicts,
    Transition,
)
from alived.daemon.worker.worker import make_worker
from alived.owner import HookEvent, State
from alived.raft.member_events import Transfer


class FakeEngine:
    """Says MASTER for all its instances at the start and INIT at the end; its addresses are files."""

    def __init__(self, context: ChildContext, directory: Path) -> None:
        self._context = context
        self._directory = directory
        self._config = context.config
        self._stuck = False

    def start(self) -> None:
        self._bind(self._config, Config())
        self._obey()

    def handle(self, message: BusMessage) -> None:
        match message:
            case SnapshotRequest():
                self._context.send(
                    EngineSnapshot(
                        request_id=message.request_id,
                        now_ns=now_ns(),
                        instances=(),
                        vips=(),
                        groups=(),
                        receive_errors={"checksum": os.getpid()},
                        lateness_max_ns=0,
                        scheduling="normal (fake)",
                    )
                )
            case Configure():
                self._bind(message.config, self._config)
                self._config = message.config
                self._context.send(Configured(changes=(f"{len(self._config.instances)} instances now",)))
            case TrackerVerdicts(verdicts):
                with (self._directory / "verdicts").open("a") as file:
                    file.writelines(f"{'up' if verdict.up else 'down'}: {verdict.reason}\n" for verdict in verdicts)
            case HookOutcome(event=event, number=number, ok=ok, reason=reason):
                with (self._directory / "outcomes").open("a") as file:
                    file.write(f"{event} {number}: {'ok' if ok else reason}\n")
            case _:
                raise AssertionError(message)

    def stop(self, done: Callable[[], None]) -> None:
        if not self._stuck:
            for instance in self._config.instances:
                (self._directory / "bound" / instance.vrrp.name).unlink(missing_ok=True)
                self._say(instance.vrrp.name, State.MASTER, State.INIT, stopping=True)
            done()

    def _bind(self, config: Config, before: Config) -> None:
        (self._directory / "bound").mkdir(exist_ok=True)
        known = {i.vrrp.name for i in before.instances}
        for instance in config.instances:
            (self._directory / "bound" / instance.vrrp.name).touch()
            if instance.vrrp.name not in known:
                self._say(instance.vrrp.name, State.BACKUP, State.MASTER)

    def _say(self, name: str, old: State, new: State, *, stopping: bool = False) -> None:
        self._context.send(
            Transition(
                kind="INSTANCE",
                name=name,
                old=old,
                new=new,
                priority=100,
                reason="a fake decision",
                evidence=("none",),
                time_ns=now_ns(),
                wall_time=time.time(),
                stopping=stopping,
            )
        )

    def _obey(self) -> None:
        for order in ("hang", "crash", "exit", "stuck", "flood", "take", "lose"):
            try:
                (self._directory / "orders" / order).unlink()
            except FileNotFoundError:
                continue
            getattr(self, f"order_{order}")()
        self._context.loop.call_later(20 * NS_PER_MS, self._obey)

    def order_hang(self) -> None:
        while True:
            pass

    def order_crash(self) -> None:
        raise RuntimeError("ordered to crash")

    def order_exit(self) -> None:
        os._exit(3)

    def order_take(self) -> None:
        """Waits for the answer."""
        self._context.send(HookDue(kind="INSTANCE", name="VI_1", event=HookEvent.TO_MASTER, number=7))

    def order_lose(self) -> None:
        self._context.send(HookDue(kind="INSTANCE", name="VI_1", event=HookEvent.TO_SLAVE))

    def order_stuck(self) -> None:
        self._stuck = True

    def order_flood(self) -> None:
        for number in range(1000):
            self._context.log("info", "flood", f"line {number}", instance="VI_flood")


class FakeRaft:
    """Writes what it hears into the file `raft`, answers commands, and asks the engine nothing."""

    def __init__(self, context: ChildContext, directory: Path) -> None:
        self._context = context
        self._file = directory / "raft"
        self._directory = directory

    def start(self) -> None:
        assert self._context.config.cluster is not None
        self._note(f"start {self._context.config.cluster.node_id}")
        if (self._directory / "orders" / "refuse").exists():
            raise ChildFailure("raft-not-started", "the disk says no")

    def handle(self, message: BusMessage) -> None:
        match message:
            case Configure():
                self._note("configure")
                self._context.send(Configured(changes=("the cluster is told",)))
            case EngineEnded():
                self._note("engine ended")
            case SnapshotRequest():
                pass  # who asks is told after a while that the state is unknown
            case ClusterRequest(number, Transfer(to)):
                if to == "nobody":
                    self._note("asked")
                else:
                    outcome = ClusterOutcome(request_id=number, ok=to != "n9", text=f"to {to}")
                    self._context.send(outcome)
            case _:
                raise AssertionError(message)

    def stop(self, done: Callable[[], None]) -> None:
        bound = sorted(path.name for path in (self._directory / "bound").iterdir())
        self._note(f"stop while {' '.join(bound) or 'nothing'} is bound")
        done()

    def _note(self, what: str) -> None:
        with self._file.open("a") as file:
            file.write(f"{what}\n")


def load(path: str) -> Reading:
    text = Path(path).read_text()
    match text.split()[0]:
        case "bad":
            raise ConfigError(
                [
                    Diagnostic(
                        Severity.ERROR, Location(path, line, 1), "fake-error", f"line {line} is wrong", "mend it"
                    )
                    for line in (1, 2)
                ]
            )
        case "hang":
            while True:
                time.sleep(1)
        case "crash":
            os.abort()
    return Reading(config=msgspec.json.decode(text, type=Config))


def main() -> int:
    arguments = sys.argv[1:]
    directory = Path(arguments[arguments.index("--runtime-dir") + 1])
    options = Options(
        config_path=arguments[arguments.index("--config") + 1],
        runtime_dir=str(directory),
        log_format="json" if "--json" in arguments else "text",
        single="--single" in arguments,
    )

    def reap(config: Config) -> list[str]:
        bound = [directory / "bound" / i.vrrp.name for i in config.instances]
        left = [path for path in bound if path.exists()]
        for path in left:
            path.unlink()
        with open(directory / "reaped", "a") as file:
            file.write(f"{now_ns()}\n")
        return [f"removed {path.name}" for path in left]

    parts = Parts(
        make_engine=lambda context: FakeEngine(context, directory),
        make_worker=make_worker,
        make_raft=lambda context: FakeRaft(context, directory),
        make_notifier=make_notifier,
        why_not_start=why_not_start,
        reap=reap,
    )
    return serve(options, load, lambda: parts)


if __name__ == "__main__":
    sys.exit(main())
