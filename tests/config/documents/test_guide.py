"""The guide to documents: YAML and TOML say the same, and the vip.conf is right. All else of guides: `tests/docs`."""

from __future__ import annotations

from alived.config.load import load_text
from tests.docs.pages import blocks

EXAMPLES = [block for block in blocks("yaml", "toml", "") if block.page == "docs/guides/documents.md"]


def test_yaml_and_toml_of_the_guide_say_the_same() -> None:
    of_yaml = next(one.text for one in EXAMPLES if one.language == "yaml" and "notify.sh" in one.text)
    of_toml = next(one.text for one in EXAMPLES if one.language == "toml")
    assert load_text(of_yaml, "f").config == load_text(of_toml, "f").config is not None


def test_the_vip_conf_of_the_guide_is_right() -> None:
    (text,) = (one.text for one in EXAMPLES if not one.language)
    assert text.startswith("VIP_ADDRESS=")
    assert {found.code for found in load_text(text, "vip.conf").diagnostics} <= {"no-instance"}
