"""Comments of documents stand beside the blocks that they speak of."""

from __future__ import annotations

import pytest

from alived.config.documents.comments import with_comments
from alived.config.documents.read import read_document
from alived.config.findings import Findings
from alived.config.text.blocks import Block, Tree

YAML = """\
# the file

# global things
global_defs:  # beside
  # the name
  router_id: "n#1"  # of this node
  # last in global_defs
vrrp_instances:
  # the first instance

  - name: VI_1  # first
    virtual_router_id: 51
    virtual_ipaddress:
      # our address
      - 192.0.2.1  # this one
      # end of addresses
    # end of VI_1
  # the second instance
  - name: VI_2
    notify:
      # which one
      command: /bin/x
    priority: 10
# end of file
"""
TOML = """\
# the file

# global things
[global_defs]  # beside
# the name
router_id = "n#1"  # of this node
# last in global_defs

# the first instance
[[vrrp_instances]]  # first
name = "VI_1"
virtual_router_id = 51
virtual_ipaddress = [
  # our address
  "192.0.2.1",  # this one
  # end of addresses
]

# the second instance
[[vrrp_instances]]
name = "VI_2"
priority = 10
# end of file
"""


def tree(text: str, language: str) -> Tree:
    findings = Findings()
    blocks = read_document(text, "f", language, findings)
    assert not findings.has_errors
    return with_comments(blocks, text, language)


def find(blocks: tuple[Block, ...], *path: str) -> Block:
    first, *rest = path
    block = next(block for block in blocks if first in [word.text for word in block.words])
    return find(block.children or (), *rest) if rest else block


@pytest.mark.parametrize(("text", "language"), [(YAML, "YAML"), (TOML, "TOML")])
def test_above_beside_and_below(text: str, language: str) -> None:
    found = tree(text, language).blocks
    global_defs = find(found, "global_defs")
    assert global_defs.comments == ("# the file", "", "# global things")
    assert global_defs.remark == "# beside"
    assert global_defs.last_comments == ("# last in global_defs",)
    router_id = find(found, "global_defs", "router_id")
    assert (router_id.comments, router_id.remark) == (("# the name",), "# of this node")
    addresses = find(found, "VI_1", "virtual_ipaddress")
    assert addresses.last_comments == ("# end of addresses",)
    address = find(found, "VI_1", "virtual_ipaddress", "192.0.2.1")
    assert (address.comments, address.remark) == (("# our address",), "# this one")
    assert "# the first instance" in find(found, "VI_1").comments
    assert find(found, "VI_1").remark == "# first"
    assert find(found, "VI_2").comments == ("# the second instance",)


def test_the_end_of_a_block_is_told_by_its_indent() -> None:
    found = tree(YAML, "YAML")
    assert find(found.blocks, "VI_1").comments == ("# the first instance", "")
    assert find(found.blocks, "VI_1").last_comments == ("# end of VI_1",)
    assert find(found.blocks, "VI_2").last_comments == ()
    assert find(found.blocks, "VI_2", "priority").comments == ("# which one",)
    assert found.last_comments == ("# end of file",)


def test_the_end_of_a_table_is_a_blank_line() -> None:
    found = tree(TOML, "TOML")
    assert find(found.blocks, "VI_2").last_comments == ("# end of file",)
    assert tree(TOML + "\n# the very end\n", "TOML").last_comments == ("# the very end",)


@pytest.mark.parametrize("quote", ['"a # b"', "'a # b'", "a#b", '"a \\" # b"'])
def test_a_number_sign_in_a_word_is_no_comment(quote: str) -> None:
    found = tree(f"global_defs:\n  router_id: {quote}\n", "YAML").blocks
    assert (found[0].remark, found[0].last_comments, find(found, "global_defs", "router_id").remark) == ("", (), "")
    if quote[0] in "'\"":
        found = tree(f"[global_defs]\nrouter_id = {quote}\n", "TOML").blocks
        assert (found[0].last_comments, find(found, "global_defs", "router_id").remark) == ((), "")


def test_a_comment_of_every_place_is_kept() -> None:
    for text, language in ((YAML, "YAML"), (TOML, "TOML")):
        kept = str(tree(text, language))
        assert [line for line in text.splitlines() if "#" in line and line.split("# ")[-1] not in kept] == []


def test_windows_line_ends() -> None:
    found = tree("# a\r\nglobal_defs:  # b\r\n  router_id: x\r\n", "YAML").blocks
    assert (found[0].comments, found[0].remark) == (("# a",), "# b")
