"""Every command of ours in README and the guides exists, with its options."""

from __future__ import annotations

import pathlib
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from alived.cli.main import COMMANDS, main
from alived.cli.vip_switch import main as vip_switch
from tests.docs.pages import PAGES, blocks, inline, name_of

PROGRAMS: dict[str, click.Command] = {"alived": main, "vip-switch": vip_switch}
PLACEHOLDER = re.compile(r"[A-Z]+\b|\.\.\.|[^\x00-\x7f]")


def fenced(page: str) -> Iterator[list[str]]:
    """Commands as they are typed; a line that goes on in the next one is one line."""
    for block in blocks("", "sh"):
        for line in block.text.replace("\\\n", " ").splitlines() if block.page == page else ():
            words = shlex.split(line.removeprefix("$ "), comments=True) if line.count("'") % 2 == 0 else []
            if words and words[0].rpartition("/")[2] in PROGRAMS:
                yield words


def flaw(words: list[str]) -> str:
    """What is wrong with a command line; "": nothing. Stops where it names something that it leaves open."""
    name = words[0].rpartition("/")[2]
    command = PROGRAMS[name]
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if PLACEHOLDER.match(rest[0]):
            return ""
        found = [one_of(command, choice, rest[1:]) for choice in rest[0].split("|")]
        if found[0] is None or None in found:
            return f"{name} has no command {rest[0]}"
        command, after = found[0]
        name = " ".join([name, *rest[: len(rest) - len(after)]])
        rest = after
    known = {spelling for option in command.params for spelling in option.opts} | {"-h", "--help"}
    unknown = [word for word in rest if word.startswith("-") and len(word) > 1 and word.partition("=")[0] not in known]
    return f"{name} has no option {unknown[0]}" if unknown else ""


def one_of(group: click.Group, word: str, rest: list[str]) -> tuple[click.Command, list[str]] | None:
    """The command of a group that a word means, and what follows; some names of `alived` have two words."""
    context = click.Context(group, info_name="alived")
    if rest and (command := group.get_command(context, f"{word} {rest[0]}")):
        return command, rest[1:]
    command = group.get_command(context, word)
    return (command, rest) if command else None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_command_can_be_typed_as_it_stands(page: pathlib.Path) -> None:
    quoted = [words for words in map(str.split, inline(page)) if words and words[0] in PROGRAMS]
    wrong = [(words, found) for words in [*fenced(name_of(page)), *quoted] if (found := flaw(words))]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES[:2], ids=name_of)
def test_both_readmes_name_every_command(page: pathlib.Path) -> None:
    named = "\n".join(code for code in inline(page) if code.startswith("alived "))
    assert [name for name in COMMANDS if f"alived {name}" not in named] == []


def test_there_are_commands() -> None:
    assert sum(len(list(fenced(name_of(page)))) for page in PAGES) > 30


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("alived statsu", "alived has no command statsu"),
        ("alived cluster promote|demoet NODE", "alived cluster has no command promote|demoet"),
        ("alived check run web --fast", "alived check run has no option --fast"),
        ("vip-switch --node-id a --raft b", "vip-switch has no option --raft"),
        ("alived COMMAND --help", ""),
        ("alived cluster recover --voters ...", ""),
    ],
)
def test_what_would_be_found(line: str, found: str) -> None:
    assert flaw(line.split()) == found
