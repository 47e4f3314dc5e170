"""`alived demo`: three nodes, one VIP, faults of all kinds, and what a client sees of them. Leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from types import FrameType

import click

from alived.adapters.netns import CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN, NetworkError, adopt_orphans, capable
from alived.cli.demo_daemons import Alived
from alived.cli.demo_lab import CLIENT, VIP, Stage, Watcher
from alived.cli.demo_play import PATIENCE_S, Outcome, Play
from alived.cli.demo_probe import Probe
from alived.cli.demo_raft import RaftStage
from alived.cli.demo_table import LiveScreen, PlainScreen, Screen, Tracker, explanation, plain_table, rich_table
from alived.cli.demo_vrrp import VrrpStage

EXIT_FAILED, EXIT_REQUIREMENT = 1, 2
UNSHARED = "ALIVED_DEMO_UNSHARED"
"""Set in the environment of the demo that runs in a user namespace of its own."""
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--")
PRIVATE_RUN = "mount -t tmpfs tmpfs /run"
"""Names of namespaces live below /run, where a user may not write."""


class Missing(click.ClickException):
    """Something that the demo needs is not there."""

    exit_code = EXIT_REQUIREMENT


@click.command()
@click.option(
    "--engine", type=click.Choice(["vrrp", "raft"]), default="vrrp", show_default=True, help="Who elects the owner."
)
@click.option("--with", "companion", type=click.Choice(["keepalived"]), help="Put the real keepalived in as node n2.")
@click.option("--keep", is_flag=True, help="Leave it running at the end, until Ctrl-C, and say how to look around.")
@click.option("--interval", type=float, default=None, metavar="SECONDS", help="Advert interval (v3: 0.1, v2: 1).")
@click.option("--version", type=click.IntRange(2, 3), default=None, help="Version of VRRP; default: 3.")
def demo(engine: str, companion: str | None, keep: bool, interval: float | None, version: int | None) -> None:
    """Three nodes and a client in network namespaces: kill, stop, freeze and unplug the owner, and see the VIP move.

    With --engine raft the network is cut as well, and the owner is asked to hand over.

    Exits with 0 if each step ended with exactly one owner of the VIP on the wire, and with Raft if there never were
    two.
    """
    if engine == "raft" and (companion or interval is not None or version is not None):
        raise click.UsageError("--with, --interval and --version are about VRRP.")
    interval_s = _checked_interval(interval, version or 3)
    if companion and shutil.which("keepalived") is None:
        raise Missing("keepalived is not installed (Debian package keepalived).")
    _require_network()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    adopt_orphans()
    try:
        with _stage(engine, interval_s, version or 3, bool(companion)) as stage:
            good = _show(stage)
            if keep:
                _keep(stage)
    except NetworkError as error:
        raise Missing(f"The demo's network could not be built. {error}") from error
    except KeyboardInterrupt:
        click.echo("Interrupted; everything is removed.", err=True)
        sys.exit(130)
    sys.exit(0 if good else EXIT_FAILED)


def _stage(engine: str, interval_s: float, version: int, keepalived: bool) -> Stage:
    if engine == "vrrp":
        return VrrpStage(interval_s=interval_s, version=version, keepalived=keepalived)
    if shutil.which("nft") is None:
        raise Missing("The command nft is missing (Debian package nftables).")
    return RaftStage()


def _end(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _checked_interval(interval: float | None, version: int) -> float:
    """The advert interval in the grain of the protocol."""
    if interval is None:
        return 0.1 if version == 3 else 1.0
    if version == 2 and (interval != round(interval) or not 1 <= interval <= 255):
        raise click.UsageError("VRRP version 2 has intervals of 1 to 255 whole seconds.")
    if version == 3 and not 0.01 <= interval <= 40.95:
        raise click.UsageError("VRRP version 3 has intervals of 0.01 to 40.95 seconds.")
    return round(interval, 2)


# -- what it needs --


def _require_network() -> None:
    """Returns if namespaces can be made; else starts the demo again where they can be, or says why not."""
    if sys.platform != "linux":
        raise Missing("The demo needs Linux: it plays in network namespaces.")
    if shutil.which("ip") is None:
        raise Missing("The command ip is missing (Debian package iproute2).")
    if capable(CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW):
        return
    if os.environ.get(UNSHARED):
        raise Missing("The demo may not make network namespaces here, not even in a user namespace. Run it as root.")
    if shutil.which("unshare") is None:
        raise Missing("Without root the demo needs the command unshare (Debian package util-linux).")
    tried = subprocess.run(
        [*UNSHARE, "sh", "-c", f"{PRIVATE_RUN} && ip netns add probe"], capture_output=True, text=True
    )
    if tried.returncode:
        raise Missing(
            "This user may not make network namespaces: run the demo as root, or let users create them "
            f"(sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu). It said: {tried.stderr.strip()}"
        )
    again = [sys.executable, "-m", "alived", *sys.argv[1:]]
    os.execvpe(
        UNSHARE[0], [*UNSHARE, "sh", "-c", f'{PRIVATE_RUN} && exec "$@"', "sh", *again], {**os.environ, UNSHARED: "1"}
    )


# -- the play --


def _show(stage: Stage) -> bool:
    """Plays the script on a screen and prints the outcomes; True if all steps ended well."""
    terminal = sys.stdout.isatty()
    outcomes: list[Outcome] = []
    with contextlib.ExitStack() as stack:
        watcher = stack.enter_context(Watcher(stage))
        probe = stack.enter_context(Probe(stage.network.namespace(CLIENT), VIP))
        tracker = Tracker(stage, watcher)
        screen: Screen = LiveScreen(tracker, watcher) if terminal else PlainScreen(tracker)
        stack.enter_context(screen)
        play = Play(stage, probe, screen.frames)
        screen.say(f"three nodes start; the VIP is {VIP}, {stage.about}")
        _, owners = play.settle(stage.first_owners, stage.first_wait_s + PATIENCE_S)
        if len(owners) != 1:
            _report_no_start(stage, owners)
            return False

        def owner() -> str:
            known = outcomes[-1].owners if outcomes else owners
            return known[0] if known else next(iter(stage.nodes))

        for step in stage.script(owner):
            screen.say(f"--- {step.title}")
            outcomes.append(play.run(step))
            screen.say(f"    owner: {' and '.join(outcomes[-1].owners) or 'nobody'}")
    _print_outcomes(outcomes, stage, terminal)
    return all(outcome.good for outcome in outcomes)


def _report_no_start(stage: Stage, owners: tuple[str, ...]) -> None:
    click.echo(f"Nobody became the only owner of the VIP (who answered: {' and '.join(owners) or 'nobody'}).", err=True)
    for node in stage.nodes.values():
        click.echo(f"--- last lines of {node.daemon.name} in {node.name}:\n{node.daemon.log[-1500:]}", err=True)


def _print_outcomes(outcomes: list[Outcome], stage: Stage, terminal: bool) -> None:
    if terminal:
        from rich.console import Console

        Console().print(rich_table(outcomes), highlight=False)
    else:
        print("\n" + plain_table(outcomes))
    print(explanation(stage))


def _keep(stage: Stage) -> None:
    """Says how to look around and waits for Ctrl-C."""
    network = stage.network
    enter = ["nsenter", "--preserve-credentials", "--user", "--mount", "--net", "--target", str(os.getpid())]
    prefix = " ".join([*enter, ""]) if os.environ.get(UNSHARED) else ""
    alived = f"{sys.executable} -m alived"
    runtime_dirs = [n.daemon.runtime_dir for n in stage.nodes.values() if isinstance(n.daemon, Alived)]
    n1 = stage.nodes["n1"].daemon
    lines = [
        "It goes on until Ctrl-C. From another terminal:",
        *(f"  {prefix}{alived} status --runtime-dir {directory}" for directory in runtime_dirs),
        f"  {prefix}ip netns exec {network.namespace(CLIENT)} {alived} sniff -i eth0",
        f"  {prefix}ip netns exec {network.namespace(CLIENT)} ping {VIP}",
        f"  {prefix}ip netns exec {n1.namespace} ip address",
        f"  kill -9 {n1.pid if n1.alive else '...'}        # n1's daemon; its configuration: {n1.config}",
    ]
    print("\n".join(lines), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)
