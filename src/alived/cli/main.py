"""`alived`: the group of commands. A command is imported when it is used, so that `alived status` stays light."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import click
import msgspec

import alived
from alived.cli.groups import Group


class Entry(msgspec.Struct, frozen=True):
    """where: MODULE:NAME of a click command; help: one line for the list of commands."""

    where: str
    help: str


COMMANDS: dict[str, Entry] = {
    "run": Entry("alived.cli.run:run", "Run the daemon in the foreground."),
    "check": Entry("alived.cli.check:check", "Check configuration files and explain what is wrong."),
    "check run": Entry("alived.cli.check_run:run", "Perform a check of a server now and explain what comes of it."),
    "convert": Entry("alived.cli.convert:convert", "Write a configuration as keepalived.conf, YAML or TOML."),
    "explain-keyword": Entry(
        "alived.cli.explain_keyword:explain_keyword", "Say what a word of the configuration means."
    ),
    "config": Entry("alived.cli.config:config", "Show the values of a configuration, and where each comes from."),
    "plan": Entry("alived.cli.plan:plan", "Show what a configuration would change in the running daemon."),
    "status": Entry("alived.cli.status:status", "Show states, reasons, peers and addresses of the running daemon."),
    "history": Entry("alived.cli.status:history", "Show past changes of state and why they happened."),
    "hooks": Entry("alived.cli.hooks:hooks", "Show the scripts of owners and how they went; run one by hand."),
    "notify": Entry("alived.cli.notify:notify", "Show who is told by mail and webhooks; send a test message."),
    "cluster": Entry("alived.cli.cluster:cluster", "Show and change the cluster that elects owners by Raft."),
    "track": Entry("alived.cli.track:track", "Let a tracker count again that flap damping holds down."),
    "reload": Entry("alived.cli.status:reload", "Make the running daemon read its configuration again."),
    "announce": Entry("alived.cli.announce:announce", "Tell the neighbours where an address of this machine is."),
    "sniff": Entry("alived.cli.sniff:sniff", "Decode VRRP, ARP and ND from an interface or a capture."),
    "demo": Entry("alived.cli.demo:demo", "Fail over between real daemons on this machine, and measure it."),
}


class LazyGroup(Group):
    """Knows the names and one line of help of all commands, imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.where.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command), entry.where
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names of two words, too."""
        name = " ".join(args[:2])
        return super().resolve_command(ctx, [name, *args[2:]] if name in COMMANDS else args)

    def lines(self, ctx: click.Context) -> Iterator[tuple[str, str]]:
        """Without importing a command for its help."""
        for name, entry in COMMANDS.items():
            yield name, entry.help


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(alived.__version__, "--version", prog_name="alived")
def main() -> None:
    """A virtual IP address on exactly one of several machines, and why."""
