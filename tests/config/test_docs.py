"""The pages about the configuration say what the reader does."""

from __future__ import annotations

import pathlib
import re
import runpy

import pytest

from alived.config.load import load_text
from tests.config.helpers import good

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "guides" / "configuration.md").read_text()


def test_the_page_of_keywords_is_that_of_the_tables() -> None:
    generator = runpy.run_path(str(DOCS / "generate_keywords.py"))
    hint = "run: python docs/generate_keywords.py"
    assert (DOCS / "guides" / "keywords.md").read_text() == generator["page"](), hint


def test_the_examples_of_the_guide_are_clean_and_say_the_same() -> None:
    conf, yaml = (
        text
        for text in re.findall(r"```\w*\n(.*?)```", GUIDE, re.DOTALL)
        if ("vrrp_instance" in text and "{" in text) or "vrrp_instances" in text
    )
    assert good(conf) == good(yaml)


@pytest.mark.parametrize("code", re.findall(r"\[([a-z-]+)\]\n", GUIDE))
def test_the_findings_of_the_guide_exist(code: str) -> None:
    text = "vrrp_instance A {\nprioritty 5\n}\n"
    assert code in [found.code for found in load_text(text).diagnostics]
