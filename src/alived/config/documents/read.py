"""A document in YAML or TOML -> the tree of blocks. The parser of a language is imported when a file is in it."""

from __future__ import annotations

from alived.config.documents import walk
from alived.config.documents.tree import DocumentError, Mapping, Node, Scalar
from alived.config.documents.vip_conf import read_vip_conf
from alived.config.findings import Findings
from alived.config.keywords.top import TOP
from alived.config.text.blocks import Block


def read_document(text: str, file: str, language: str, findings: Findings) -> tuple[Block, ...]:
    """The blocks of a document. language: "YAML", "TOML" or "vip.conf"; what is no YAML or TOML is one error with its
    place."""
    if language == "vip.conf":
        return read_vip_conf(text, file, findings)
    try:
        root = _parse(text, file, language, findings)
    except DocumentError as error:
        findings.error(error.location, error.code, error.message, error.hint)
        return ()
    if isinstance(root, Mapping):
        return tuple(walk.blocks(root, TOP, findings))
    if root is not None and not (isinstance(root, Scalar) and root.is_null):
        findings.error(root.location, "wrong-type", "the document is not a mapping", "vrrp_instances: ...")
    return ()


def _parse(text: str, file: str, language: str, findings: Findings) -> Node | None:
    if language == "TOML":
        from alived.config.documents.toml_reader import read_toml

        return read_toml(text, file)
    from alived.config.documents.yaml_reader import read_yaml

    return read_yaml(text, file, findings)
