"""The guides to documents, Raft and hooks: their examples are right, but for what this version does not do yet."""

from __future__ import annotations

import pathlib
import re
import tomllib
from typing import Any

import pytest
import yaml

from alived.config.load import load_text
from tests.config.documents.test_every_keyword import mistakes

GUIDES = pathlib.Path(__file__).resolve().parents[3] / "docs" / "guides"
_EXAMPLE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = _EXAMPLE.findall((GUIDES / "documents.md").read_text())
OF_RAFT = [found for found in _EXAMPLE.findall((GUIDES / "raft.md").read_text()) if found[0] == "yaml"]
OF_HOOKS = [found for found in _EXAMPLE.findall((GUIDES / "hooks.md").read_text()) if found[0] == "yaml"]
READ: dict[str, Any] = {"yaml": yaml.safe_load, "toml": tomllib.loads}
NOT_IN_THIS_VERSION = {"not-supported-yet", "no-instance"}


def test_there_are_examples_of_every_language() -> None:
    assert {language for language, _ in EXAMPLES} == {"yaml", "toml", ""}


@pytest.mark.parametrize(("language", "text"), [*EXAMPLES, *OF_RAFT, *OF_HOOKS])
def test_an_example_is_right(language: str, text: str) -> None:
    found = [one for one in load_text(text, "f").diagnostics if one.code not in NOT_IN_THIS_VERSION]
    assert found == [], "\n".join(map(str, found))
    if language:
        assert mistakes(READ[language](text)) == []


@pytest.mark.parametrize("found", [OF_RAFT, OF_HOOKS], ids=["raft", "hooks"])
def test_the_other_guides_have_an_example(found: list[tuple[str, str]]) -> None:
    assert [language for language, _ in found] == ["yaml"]


def test_yaml_and_toml_of_the_guide_say_the_same() -> None:
    of_yaml = next(text for language, text in EXAMPLES if language == "yaml" and "notify.sh" in text)
    of_toml = next(text for language, text in EXAMPLES if language == "toml")
    assert load_text(of_yaml, "f").config == load_text(of_toml, "f").config is not None
