"""A tree -> text, in the language that is asked for."""

from __future__ import annotations

from alived.config.findings import Findings
from alived.config.text.blocks import Tree
from alived.config.write.document import document
from alived.config.write.keepalived import write_keepalived
from alived.config.write.toml_writer import write_toml
from alived.config.write.yaml_writer import write_yaml

LANGUAGES = ("keepalived", "yaml", "toml")


def write(tree: Tree, language: str, findings: Findings) -> str:
    """The text. What the language cannot say is an error of `findings`; what is left out, a warning."""
    match language:
        case "keepalived":
            return write_keepalived(tree, findings)
        case "yaml":
            return write_yaml(document(tree, findings))
        case _:
            assert language == "toml", language
            return write_toml(document(tree, findings))
