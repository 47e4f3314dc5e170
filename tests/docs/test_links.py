"""Links between the pages lead somewhere, and the pages about the code know all of it."""

from __future__ import annotations

import pathlib
import re

import pytest

from tests.docs.pages import ROOT, name_of

DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "bench" / "README.md", *sorted(DOCS.rglob("*.md"))]
ARCHITECTURE = (DOCS / "ARCHITECTURE.md").read_text()
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: pathlib.Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    broken = []
    for link in _LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    index = (DOCS / "adr" / "README.md").read_text()
    for page in sorted((DOCS / "adr").glob("0*.md")):
        number, title = page.read_text().splitlines()[0].removeprefix("# ").split(": ", 1)
        assert f"- [{number}]({page.name}) {title}\n" in index


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [page.name[:4] for page in (DOCS / "adr").glob("0*.md")]
    assert len(numbers) == len(set(numbers)) > 20


def test_the_architecture_names_every_part_of_the_daemon() -> None:
    named = {word.rpartition("/")[2] for word in re.findall(r"`([a-z_/]+)`", ARCHITECTURE)}
    parts = {path.stem for path in (ROOT / "src" / "alived" / "daemon").rglob("*.py")} - {"__init__"}
    assert parts - named == set()
