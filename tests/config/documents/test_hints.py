"""Hints about a document are in its language, not in keepalived's braces."""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator

import pytest
import yaml

from alived.config.documents import hints
from alived.config.documents.hints import TOML, YAML, translate
from alived.config.load import load_text

SOURCES = pathlib.Path(hints.__file__).parents[1]


@pytest.mark.parametrize(
    ("hint", "in_yaml", "in_toml"),
    [
        ("check web { ... }", "checks: {web: {...}}", "checks = {web = {...}}"),
        ("unicast_peer { ADDRESS }", "unicast_peer: [ADDRESS]", 'unicast_peer = ["ADDRESS"]'),
        ("tls { ... }, or listen on 127.0.0.1", "tls: {...}, or listen on 127.0.0.1", None),
        (
            "node { id ... } and cluster { node ID { addr ... } }",
            "node: {id: ...} and cluster: {nodes: [{id: ID, addr: ...}]}",
            'node = {id = ...} and cluster = {nodes = [{id = "ID", addr = ...}]}',
        ),
        (
            "a vip.conf, or raft_instance NAME { ... bound_by hooks }",
            "a vip.conf, or raft_instances: {NAME: {..., bound_by: hooks}}",
            None,
        ),
        (
            "cluster { allow_two_voters node ID { ... } }",
            "cluster: {allow_two_voters: true, nodes: [{id: ID, ...}]}",
            None,
        ),
        ("node ID { addr ADDRESS:PORT } for each", "nodes: [{id: ID, addr: ADDRESS:PORT}] for each", None),
        ("real_server ADDRESS PORT { ... }", "real_servers: [{address: ADDRESS, port: PORT, ...}]", None),
        ("url { path / }", "urls: [{path: /}]", 'urls = [{path = "/"}]'),
        ("track_script { chk } in an instance", "track_script: [chk] in an instance", None),
        ("virtual_server_group NAME { ... }", "virtual_server_groups: {NAME: [...]}", None),
        ("smtp_password_file PATH, or no smtp_user", "smtp_password_file: PATH, or no smtp_user", None),
        ("url https://example.com/hook", "url: https://example.com/hook", 'url = "https://example.com/hook"'),
        ('header X-Team "on call"', 'header: [X-Team, "on call"]', None),
        ("interface eth0", "interface: eth0", 'interface = "eth0"'),
        ("quorum 2", "quorum: 2", "quorum = 2"),
        ("check NAME", "checks: {NAME: {...}}", None),
        ("check NAME { ... }; or {{.Name}} { as it is }", "checks: {NAME: {...}}; or {{.Name}} { as it is }", None),
        ("global_defs { notification_email { ADDRESS", "global_defs { notification_email { ADDRESS", None),
        ("did you mean 'tcp'?", "did you mean 'tcp'?", "did you mean 'tcp'?"),
        ("role voter or witness on two more nodes", "role voter or witness on two more nodes", None),
    ],
)
def test_words_of_keepalived_become_those_of_a_document(hint: str, in_yaml: str, in_toml: str | None) -> None:
    assert translate(hint, YAML) == in_yaml
    if in_toml is not None:
        assert translate(hint, TOML) == in_toml


def blocks_in_sources() -> Iterator[str]:
    """Texts of the reader that show a block."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from re.findall(r"^[a-z_]+(?: [A-Z]+)* \{ [^{}`\n]*(?:\{[^{}]*\}[^{}]*)* \}", node.value)


def test_all_that_the_reader_shows_is_yaml_then() -> None:
    found = list(dict.fromkeys(blocks_in_sources()))
    assert len(found) > 5
    for hint in found:
        shown = translate(hint, YAML)
        assert " { " not in shown
        assert yaml.safe_load(shown), shown


def test_a_file_gets_hints_in_its_language() -> None:
    texts = {
        "f.yaml": "raft_instances:\n  - {name: web}\n",
        "f.toml": '[[raft_instances]]\nname = "web"\n',
        "f.conf": "raft_instance web {\n}\n",
    }
    said = {
        file: [one.hint for one in load_text(text, file).diagnostics if "nobody elects" in one.message]
        for file, text in texts.items()
    }
    assert said == {
        "f.yaml": ["node: {id: ...} and cluster: {nodes: [{id: ID, addr: ...}]}"],
        "f.toml": ['node = {id = ...} and cluster = {nodes = [{id = "ID", addr = ...}]}'],
        "f.conf": ["node { id ... } and cluster { node ID { addr ... } }"],
    }
