"""Groups of commands: their lists say whole sentences, and what is no command is answered with the nearest one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click


class Group(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from alived.config.keywords.table import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"{error.message} {hint[:1].upper()}{hint[1:]}".strip(), ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.lines(ctx)))

    def lines(self, ctx: click.Context) -> Iterator[tuple[str, str]]:
        """Each command, and the first sentence of its help."""
        for name in self.list_commands(ctx):
            if command := self.get_command(ctx, name):
                sentence = inspect.cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")
                yield name, sentence.partition(". ")[0].removesuffix(".") + "."
