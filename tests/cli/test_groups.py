"""Commands that have commands: lists, typing mistakes, options before the name of a command."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from alived.cli import asking
from alived.cli.main import main


def said(*arguments: str) -> str:
    return CliRunner().invoke(main, arguments).output


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["statsu"], "No such command 'statsu'. Did you mean 'status'?"),
        (["cluster", "promot", "n1"], "No such command 'promot'. Did you mean 'promote'?"),
        (["xyzzy"], "No such command 'xyzzy'.\n"),
    ],
)
def test_a_typing_mistake_is_answered_with_the_nearest_command(arguments: list[str], answer: str) -> None:
    assert answer in said(*arguments)


@pytest.mark.parametrize("group", ["cluster", "config", "hooks", "notify", "track"])
def test_lists_say_whole_sentences(group: str) -> None:
    listed = said(group, "--help").partition("Commands:")[2]
    assert listed.count(".\n") >= 1
    assert "..." not in listed


@pytest.mark.parametrize(
    ("arguments", "directory"),
    [
        (["notify", "--runtime-dir", "/r", "test", "chat"], "/r"),
        (["notify", "--runtime-dir", "/r", "test", "chat", "--runtime-dir", "/s"], "/s"),
        (["hooks", "--runtime-dir", "/r", "history"], "/r"),
    ],
)
def test_options_before_a_command_are_its_options(
    arguments: list[str], directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    answer = {"ok": True, "result": [], "error": "taken"}
    monkeypatch.setattr(asking, "ask", lambda *question: asked.append(question) or answer)
    said(*arguments)
    assert [question[0] for question in asked] == [directory]


def test_json_before_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ask", lambda *_: {"ok": True, "result": [], "error": ""})
    assert said("hooks", "--json", "history") == "[]\n"
    assert said("hooks", "history") == ""
