"""Every configuration in README and the guides is right: `alived check` finds nothing, the schema neither."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import textwrap
import tomllib
from typing import Any

import pytest
import yaml

from alived.config.keywords.top import TOP
from alived.config.load import load_text
from tests.config.documents.test_every_keyword import mistakes
from tests.docs.pages import Block, blocks

READ: dict[str, Any] = {"yaml": yaml.safe_load, "toml": tomllib.loads}
NOT_WRONG = {"not-supported-yet", "no-instance", "unused-tracker", "unknown-object"}
"""What is said of an example because it is a piece of a configuration, or of what this version does not do yet."""
THE_REST = {
    "conf": "interface eth0\nvirtual_router_id 99\nvirtual_ipaddress {\n192.0.2.99/24\n}",
    "yaml": "interface: eth0\nvirtual_router_id: 99\nvirtual_ipaddress: [192.0.2.99/24]",
}
"""What `...` stands for in an instance."""
ELSEWHERE = {
    name: f"check {name} {{\ntcp {{\ntarget 127.0.0.1 1\n}}\n}}\n" for name in ("web", "db", "dns1", "dns2")
} | {"chk_disk": "vrrp_script chk_disk {\nscript /bin/true\n}\n"}
"""What examples name and do not define."""
_ELLIPSIS = re.compile(r"^( *)(?:# )?\.\.\.$", re.MULTILINE)


def whole(block: Block) -> str:
    """The example as a configuration that could stand alone."""
    rest = THE_REST.get(block.language, "")
    text = _ELLIPSIS.sub(lambda found: textwrap.indent(rest, found[1]), block.text)
    if block.language != "conf":
        return text
    if text.split(maxsplit=1)[0] not in TOP:
        before = [one.text for one in blocks("conf") if one.page == block.page and one.line < block.line]
        text = f"vrrp_instance EXAMPLE {{\n{rest}\n{text}}}\n" + "".join(before)
    defined = re.findall(r"^(?:check|vrrp_script) (\w+) \{", text, re.MULTILINE)
    return text + "".join(definition for name, definition in ELSEWHERE.items() if name not in defined)


@pytest.mark.parametrize("block", blocks("conf", "yaml", "toml"), ids=str)
def test_an_example_is_right(block: Block) -> None:
    text = whole(block)
    found = [one for one in load_text(text, "f").diagnostics if one.code not in NOT_WRONG]
    assert found == [], "\n".join(map(str, [*found, "", text]))
    if block.language in READ:
        assert mistakes(READ[block.language](text)) == []


def test_there_are_examples_in_every_language() -> None:
    languages = {"conf", "yaml", "toml", "json", "python", "sh"}
    assert {block.language for block in blocks(*languages)} == languages


@pytest.mark.parametrize("block", blocks(""), ids=str)
def test_what_has_no_language_is_no_configuration(block: Block) -> None:
    """A block of keepalived.conf has the language `conf` behind its fence: else nobody would check it."""
    begins = [line.split() for line in block.text.splitlines() if line.endswith("{")]
    assert [line for line in begins if line[0] in TOP] == []


@pytest.mark.parametrize("block", blocks("json", "python", "sh"), ids=str)
def test_other_languages_can_be_read(block: Block) -> None:
    match block.language:
        case "json":
            assert json.loads(block.text)
        case "python":
            assert ast.parse(block.text).body
        case "sh":
            assert subprocess.run(["sh", "-n"], input=block.text.encode(), timeout=60).returncode == 0
