"""Every keyword of every table can be written in YAML and TOML, and means there what it means in keepalived.conf."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import jsonschema
import pytest
import yaml

from alived.config.documents.schema import schema
from alived.config.findings import Findings
from alived.config.keywords.table import Keyword
from alived.config.load import THIS_HOST, Loaded, load_text
from alived.config.text.read import read_text
from alived.config.write.languages import write
from tests.config.keywords.samples import IDS, ROWS, document

VALIDATOR = jsonschema.Draft202012Validator(schema())


def written(text: str, language: str) -> str:
    """A keepalived.conf in another language."""
    findings = Findings()
    result = write(read_text(text, "f", THIS_HOST, findings), language, findings)
    assert findings.sorted() == ()
    return result


def codes(loaded: Loaded) -> list[str]:
    return sorted(found.code for found in loaded.diagnostics)


def mistakes(value: Any) -> list[str]:
    """What the schema has against a document."""
    plain = json.loads(json.dumps(value, default=str))
    return [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(plain)]


@pytest.mark.parametrize(("path", "row"), ROWS, ids=IDS)
def test_a_keyword_in_yaml_and_toml(path: str, row: Keyword) -> None:
    text = document(path, row)
    said = load_text(text, "f")
    yaml_text, toml_text = written(text, "yaml"), written(text, "toml")
    for other, value in (
        (load_text(yaml_text, "f.yaml"), yaml.safe_load(yaml_text)),
        (load_text(toml_text, "f.toml"), tomllib.loads(toml_text)),
    ):
        assert other.config == said.config
        assert codes(other) == codes(said)
        assert all(found.location.line for found in other.diagnostics if found.code != "no-instance")
        assert mistakes(value) == []


def test_variables_of_a_hook_are_a_mapping() -> None:
    text = 'hooks {\nToMaster {\ncommand /bin/x\nenvironment {\nA "b c"\nD e\n}\n}\n}\n'
    assert yaml.safe_load(written(text, "yaml"))["hooks"]["ToMaster"]["environment"] == {"A": "b c", "D": "e"}
    twice = text.replace("D e", "A e")
    assert len(yaml.safe_load(written(twice, "yaml"))["hooks"]["ToMaster"]["environment"]) == 2
