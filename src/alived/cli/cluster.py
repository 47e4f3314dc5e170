"""`alived cluster`: who is a member, who owns, and the commands that change it, over the control socket of this node.

Any member can be asked: a command goes on to the leader, and its outcome comes back. Light on purpose, as `status`.
"""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import sys
import time

import click
import msgspec

from alived.cli.asking import Json, ask_daemon, daemon_options
from alived.cli.cluster_table import cluster_lines
from alived.cli.groups import Group
from alived.raft.config import DEFAULT_PORT, DEFAULT_PRIORITY, MAX_PRIORITY, Member, Role
from alived.raft.member_events import AddMember, Command, Demote, Promote, Recover, RemoveMember, Transfer

KEY_BYTES = 32
_COMMAND_LIMIT_S = 25.0
"""More than the daemon takes before it says that there is no outcome yet."""
_POLL_S = 0.1


_two_voters_option = click.option(
    "--allow-two-voters", is_flag=True, help="Though with two, nobody owns anything as soon as either fails."
)


@click.group(cls=Group)
def cluster() -> None:
    """Show the cluster that elects owners by Raft, and change it.

    Exit status of all commands: 0 if it is done, 1 if it was refused or failed (the reason is told), 2 for wrong usage.
    """


@cluster.command()
@daemon_options
def members(as_json: bool, runtime_dir: str | None) -> None:
    """Show the members: role, address, when last heard, what they own; and how many more may fail."""
    answer = ask_daemon(runtime_dir, "members", {})
    if not answer["ok"]:
        _finish(answer, as_json)
    if as_json:
        click.echo(json.dumps(answer["result"], indent=2))
    else:
        for line in cluster_lines(answer["result"]):
            click.echo(line)


@cluster.command()
@click.argument("node")
@click.argument("address", metavar="ADDRESS[:PORT]")
@click.option(
    "--priority",
    type=click.IntRange(0, MAX_PRIORITY),
    default=DEFAULT_PRIORITY,
    show_default=True,
    help="The highest that can own leads, and owns.",
)
@click.option(
    "--role",
    type=click.Choice([str(role) for role in Role]),
    default=str(Role.VOTER),
    show_default=True,
    help="A witness votes and never owns; a learner follows and does neither.",
)
@_two_voters_option
@daemon_options
def add(
    node: str,
    address: str,
    priority: int,
    role: str,
    allow_two_voters: bool,
    as_json: bool,
    runtime_dir: str | None,
) -> None:
    """Add NODE, which listens at ADDRESS. It gets its role when it has the log.

    Start it first, with a configuration that names the other members and itself.
    """
    host, port = _host_port(address)
    member = Member(id=node, address=host, port=port, priority=priority, role=Role(role))
    if member.flaw:
        raise click.UsageError(member.flaw)
    _command(AddMember(member, allow_two_voters), as_json, runtime_dir)


@cluster.command()
@click.argument("node")
@_two_voters_option
@daemon_options
def remove(node: str, allow_two_voters: bool, as_json: bool, runtime_dir: str | None) -> None:
    """Remove NODE: it votes and owns no longer, and what it holds goes to others first."""
    _command(RemoveMember(node, allow_two_voters), as_json, runtime_dir)


@cluster.command()
@click.argument("node")
@_two_voters_option
@daemon_options
def promote(node: str, allow_two_voters: bool, as_json: bool, runtime_dir: str | None) -> None:
    """Make a voter of the learner NODE, when it has the log."""
    _command(Promote(node, allow_two_voters), as_json, runtime_dir)


@cluster.command()
@click.argument("node")
@_two_voters_option
@daemon_options
def demote(node: str, allow_two_voters: bool, as_json: bool, runtime_dir: str | None) -> None:
    """Make a learner of the voter NODE: it follows, and neither votes nor owns."""
    _command(Demote(node, allow_two_voters), as_json, runtime_dir)


@cluster.command()
@click.argument("node")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="For the addresses, at most so many seconds.",
)
@daemon_options
def transfer(node: str, wait_s: float, as_json: bool, runtime_dir: str | None) -> None:
    """Hand leadership, and the addresses with it, to NODE, and wait until it owns them."""
    answer = ask_daemon(runtime_dir, "cluster", {"command": msgspec.to_builtins(Transfer(node))}, _COMMAND_LIMIT_S)
    if answer["ok"]:
        answer |= _await_owner(runtime_dir, node, wait_s)
    _finish(answer, as_json)


@cluster.command()
@click.option("--voters", required=True, metavar="N1,N2,...", help="Those that are left, this node among them.")
@click.option(
    "--yes-a-majority-is-lost-for-good", "confirmed", is_flag=True, help="All others are switched off, and stay off."
)
@daemon_options
def recover(voters: str, confirmed: bool, as_json: bool, runtime_dir: str | None) -> None:
    """Go on with the members that are left when a majority is lost for good. The last resort.

    If any of the others still runs, there will be two clusters, and two owners. A majority that answers is a reason to
    refuse. The log of before is kept beside the new one.
    """
    if not confirmed:
        raise click.UsageError(
            "this can make two owners of one address if the lost members still run anywhere: switch them off for good, "
            "then say --yes-a-majority-is-lost-for-good"
        )
    names = tuple(filter(None, (name.strip() for name in voters.split(","))))
    _command(Recover(names), as_json, runtime_dir)


@cluster.command()
@click.argument("file", type=click.Path(dir_okay=False))
def keygen(file: str) -> None:
    """Write a fresh shared key into FILE, for key_file of all nodes. An existing file is never overwritten."""
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{file} exists: it is not overwritten, it may be in use") from None
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}") from error
    with open(fd, "w") as key:
        os.fchmod(fd, 0o600)  # whatever the umask
        key.write(secrets.token_hex(KEY_BYTES) + "\n")
        key.flush()
        os.fsync(fd)
    click.echo(f"wrote a key of {KEY_BYTES} bytes to {file}: copy it to all nodes, readable for root only")


def _command(command: Command, as_json: bool, runtime_dir: str | None) -> None:
    arguments = {"command": msgspec.to_builtins(command)}
    _finish(ask_daemon(runtime_dir, "cluster", arguments, _COMMAND_LIMIT_S), as_json)


def _finish(answer: Json, as_json: bool) -> None:
    """Says how it ended, and exits with it."""
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    elif answer["ok"]:
        click.echo(answer["result"])
    else:
        click.echo(f"Error: {answer['error']}", err=True)
    sys.exit(0 if answer["ok"] else 1)


def _await_owner(runtime_dir: str | None, node: str, limit_s: float) -> Json:
    """Polls until the node leads and the groups that had an owner have this one: the answer to replace the outcome."""
    give_up = time.monotonic() + limit_s
    began = time.monotonic()
    while True:
        answer = ask_daemon(runtime_dir, "members", {})
        if not answer["ok"]:
            return answer
        status = answer["result"]
        owners = {one["group"]: one["owner"] for one in status.get("owners", ())}
        if status.get("leader") == node and owners and set(owners.values()) == {node}:
            took = time.monotonic() - began
            return {"ok": True, "result": f"{node} leads and owns {', '.join(sorted(owners))} (after {took:.1f} s)"}
        if time.monotonic() > give_up:
            known = ", ".join(f"{group}: {owner or 'nobody'}" for group, owner in sorted(owners.items()))
            error = f"{node} does not own all groups after {limit_s:g} s; leader {status.get('leader') or 'unknown'}"
            return {"ok": False, "result": None, "error": f"{error}; owners: {known or 'unknown'}"}
        time.sleep(_POLL_S)


def _host_port(text: str) -> tuple[str, int]:
    """ADDRESS, ADDRESS:PORT, [IPV6]:PORT or IPV6 alone."""
    host, _, port = text.rpartition(":")
    try:
        return str(ipaddress.ip_address(text.strip("[]"))), DEFAULT_PORT
    except ValueError:
        if not port.isascii() or not port.isdigit():
            raise click.UsageError(f"{text!r} is no ADDRESS, ADDRESS:PORT or [IPV6]:PORT") from None
        return host.removeprefix("[").removesuffix("]"), int(port)
