"""The published schema is that of the tables, takes what is right and refuses what is not."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from alived.config.documents.naming import key_of
from alived.config.documents.schema import describe, schema, schema_text
from alived.config.keywords.index import tables
from alived.config.load import load_text
from tests.config.documents.test_every_keyword import mistakes

ROOT = pathlib.Path(__file__).resolve().parents[3]
PUBLISHED = ROOT / "docs" / "schema" / "alived.schema.json"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
BASE = "vrrp_instances:\n  A:\n    interface: eth0\n    virtual_router_id: 1\n    virtual_ipaddress: 192.0.2.1\n"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_published_one_is_that_of_the_tables() -> None:
    hint = "run: alived config schema > docs/schema/alived.schema.json"
    assert PUBLISHED.read_text() == schema_text(), hint


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (one for key, one in value.items() if key == "$ref")
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_definition_exists_and_is_used() -> None:
    made = schema()
    assert {f"#/$defs/{name}" for name in made["$defs"]} == set(references(made))


def test_every_keyword_is_a_property_with_its_meaning() -> None:
    made = schema()
    blocks = [made, *made["$defs"].values()]
    said = {(key, row.get("description")) for one in blocks for key, row in one.get("properties", {}).items()}
    wanted = {(key_of(row), describe(row)) for rows in tables().values() for row in rows.values()}
    assert wanted - said == set()
    assert all(meaning for _, meaning in wanted)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_validate(path: pathlib.Path) -> None:
    text = path.read_text()
    assert text.splitlines()[0] == "# yaml-language-server: $schema=../docs/schema/alived.schema.json"
    assert mistakes(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    "line",
    [
        "prioritty: 5",
        "priority: 256",
        "priority: high",
        "priority: {a: 1}",
        "state: SLAVE",
        "nopreempt: 5",
        "advert_int: 5 x",
        "advert_int: 0",
        "strict_mode: maybe",
        "notify: {user: root}",
        "notify: {command: /bin/true, shell: yes}",
        "track_interface: [{weight: 5}]",
        "virtual_ipaddress: [[192.0.2.1]]",
        "authentication: PASS",
        "authentication: {auth_type: SHA}",
        "conflict_check: never",
        "address_lifetime: sometimes",
        "check_unicast_src: [a]",
    ],
)
def test_mistakes_do_not_validate(line: str) -> None:
    assert mistakes(yaml.safe_load(f"{BASE}    {line}\n")) != []


@pytest.mark.parametrize(
    "text",
    [
        "vrrp_instance: {A: {}}",
        "vrrp_instances: 5",
        "vrrp_instances: [{interface: eth0}]",
        "virtual_servers: [{port: 80}]",
        "virtual_servers: [{address: 192.0.2.1, port: 80, real_server: []}]",
        "virtual_servers: [{address: 192.0.2.1, real_servers: [{address: 192.0.2.2, HTTP_GET: {url: /}}]}]",
        "cluster: {nodes: [{addr: 192.0.2.1}]}",
        "cluster: {nodes: {a: {role: boss}}}",
        "hooks: {ToMaster: /bin/true}",
        "logging: {level: loud}",
        "[]",
    ],
)
def test_documents_that_do_not_validate(text: str) -> None:
    assert mistakes(yaml.safe_load(text)) != []


@pytest.mark.parametrize(
    "line",
    [
        "priority: 255",
        "nopreempt: true",
        "nopreempt:",
        "strict_mode: off",
        "strict_mode: 'on'",
        "advert_int: 250ms",
        "advert_int: 0.25",
        "use_vmac: true",
        "use_vmac: vrrp.7",
        "authentication: {auth_type: PASS, auth_pass: 012345}",
        "authentication: {auth_type: PASS, auth_pass: no}",
        "address_lifetime: auto",
        "address_lifetime: 5",
        "notify: [/bin/any, two words]",
        "notify: {command: [/bin/any], user: nobody}",
        "track_interface: {name: eth1, weight: 5}",
        "track_interface: eth1 weight 5",
        "virtual_ipaddress_excluded:",
    ],
)
def test_ways_to_say_it_that_the_reader_and_the_schema_take(line: str) -> None:
    text = f"{BASE}    {line}\n"
    assert mistakes(yaml.safe_load(text)) == []
    wrong = [found for found in load_text(text, "f").diagnostics if found.code in ("wrong-type", "invalid-value")]
    assert wrong == []


def test_a_json_document_may_name_its_schema() -> None:
    text = '{"$schema": "alived.schema.json", "vrrp_instances": {"A": {"interface": "eth0", "virtual_router_id": 1, '
    text += '"virtual_ipaddress": "192.0.2.1"}}}'
    assert mistakes(yaml.safe_load(text)) == []
    assert load_text(text, "f").diagnostics == ()
