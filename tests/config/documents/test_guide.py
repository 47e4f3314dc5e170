"""The guide to documents: every example in it is read, and says nothing but what this version does not do yet."""

from __future__ import annotations

import pathlib
import re
import tomllib
from typing import Any

import pytest
import yaml

from alived.config.load import load_text
from tests.config.documents.test_every_keyword import mistakes

GUIDE = (pathlib.Path(__file__).resolve().parents[3] / "docs" / "guides" / "documents.md").read_text()
EXAMPLES = re.findall(r"```(yaml|toml|)\n(.*?)```", GUIDE, re.DOTALL)
READ: dict[str, Any] = {"yaml": yaml.safe_load, "toml": tomllib.loads}
NOT_IN_THIS_VERSION = {"not-supported-yet", "no-engine", "no-instance"}


def test_there_are_examples_of_every_language() -> None:
    assert {language for language, _ in EXAMPLES} == {"yaml", "toml", ""}


@pytest.mark.parametrize(("language", "text"), EXAMPLES)
def test_an_example_is_right(language: str, text: str) -> None:
    found = [one for one in load_text(text, "f").diagnostics if one.code not in NOT_IN_THIS_VERSION]
    assert found == [], "\n".join(map(str, found))
    if language:
        assert mistakes(READ[language](text)) == []


def test_yaml_and_toml_of_the_guide_say_the_same() -> None:
    of_yaml = next(text for language, text in EXAMPLES if language == "yaml" and "notify.sh" in text)
    of_toml = next(text for language, text in EXAMPLES if language == "toml")
    assert load_text(of_yaml, "f").config == load_text(of_toml, "f").config is not None
