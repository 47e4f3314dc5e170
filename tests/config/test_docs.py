"""The pages about the configuration say what the reader does."""

from __future__ import annotations

import pathlib
import re
import runpy

import pytest

from alived.config.keywords.index import tables
from alived.config.load import load_text
from tests.config.helpers import good

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "guides" / "configuration.md").read_text()


def test_the_pages_of_keywords_are_those_of_the_tables() -> None:
    pages: dict[str, str] = runpy.run_path(str(DOCS / "generate_keywords.py"))["pages"]()
    guides = DOCS / "guides"
    written = {str(path.relative_to(guides)) for path in (guides / "keywords").glob("*.md")} | {"keywords.md"}
    assert written == set(pages)
    for path, text in pages.items():
        assert (guides / path).read_text() == text, f"{path} is old; run: python docs/generate_keywords.py"


def test_the_pages_of_keywords_have_every_word() -> None:
    words = {row.name for rows in tables().values() for row in rows.values()}
    pages = "".join(path.read_text() for path in (DOCS / "guides" / "keywords").glob("*.md"))
    assert [word for word in sorted(words) if f"| `{word}` |" not in pages] == []


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
