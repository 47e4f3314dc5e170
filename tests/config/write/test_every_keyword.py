"""The sample of every keyword of every table, through each language and back."""

from __future__ import annotations

import pytest

from alived.config.documents import walk
from alived.config.documents.toml_reader import read_toml
from alived.config.documents.tree import Mapping
from alived.config.documents.yaml_reader import read_yaml
from alived.config.findings import Findings
from alived.config.keywords.index import tables
from alived.config.keywords.table import Keyword
from alived.config.text.blocks import Block
from alived.config.write.document import statement
from alived.config.write.keepalived import write_statement
from alived.config.write.nodes import Object
from alived.config.write.toml_writer import write_toml
from alived.config.write.yaml_writer import write_yaml
from tests.config.write.helpers import meaning, read

ROWS = [pytest.param(row, id=f"{path}/{row.name}") for path, rows in tables().items() for row in rows.values()]


def from_document(text: str, row: Keyword, language: str) -> Block:
    findings = Findings()
    root = read_yaml(text, "f", findings) if language == "yaml" else read_toml(text, "f")
    assert isinstance(root, Mapping)
    (block,) = walk.blocks(root, {row.name: row}, findings)
    assert findings.sorted() == ()
    return block


def same(one: Block, other: Block) -> bool:
    """Whether two statements say the same: `on` may be said by nothing."""
    if one.children is not None or other.children is not None:
        return meaning(one) == meaning(other)
    said = [[word.text for word in block.arguments] or ["on"] for block in (one, other)]
    return one.keyword == other.keyword and said[0] == said[1]


@pytest.mark.parametrize("row", ROWS)
def test_a_sample_in_every_language(row: Keyword) -> None:
    (block,) = read(row.sample).blocks
    (again,) = read(write_statement(block, row)).blocks
    assert meaning(again) == meaning(block)
    document = Object((statement(block, row),))
    for language, text in (("yaml", write_yaml(document)), ("toml", write_toml(document))):
        found = from_document(text, row, language)
        if row.converter is not None and row.converter.is_command:
            assert row.converter.read(found, Findings()) == row.converter.read(block, Findings()), text
        else:
            assert same(found, block), text
