"""Short ways to read a configuration in tests."""

from __future__ import annotations

from alived.base import Diagnostic
from alived.config.load import Loaded, load_text
from alived.config.model import Config, Instance


def instance_text(
    body: str = "", *, name: str = "VI_1", vrid: int = 51, vip: str = "192.0.2.10", before: str = ""
) -> str:
    """A vrrp_instance that is right, with more statements; the body begins in line 5 if there is nothing before."""
    vips = f"virtual_ipaddress {{\n{vip}\n}}\n" if vip else ""
    return (
        f"{before}vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\npriority 100\n{body}\n{vips}}}\n"
    )


def good(text: str) -> Config:
    """The configuration of a text without any finding."""
    loaded = load_text(text, "test.conf")
    assert loaded.diagnostics == (), "\n".join(map(str, loaded.diagnostics))
    assert loaded.config is not None
    return loaded.config


def warned(text: str, *codes: str) -> Config:
    """The configuration of a text that runs, with exactly these warnings."""
    loaded = load_text(text, "test.conf")
    assert loaded.config is not None, "\n".join(map(str, loaded.diagnostics))
    assert sorted(codes_of(loaded)) == sorted(codes), "\n".join(map(str, loaded.diagnostics))
    return loaded.config


def refused(text: str, *codes: str) -> tuple[Diagnostic, ...]:
    """All findings of a text that cannot run; codes: exactly those of its errors."""
    loaded = load_text(text, "test.conf")
    assert loaded.config is None
    errors = [found.code for found in loaded.diagnostics if found.severity == "error"]
    assert sorted(errors) == sorted(codes), "\n".join(map(str, loaded.diagnostics))
    return loaded.diagnostics


def codes_of(loaded: Loaded) -> list[str]:
    return [found.code for found in loaded.diagnostics]


def one(config: Config) -> Instance:
    (instance,) = config.instances
    return instance


STATUS_CODES = {"not-supported-yet", "no-effect", "deprecated", "unused-tracker"}
"""What is said of right words that this version does not follow."""


def understood(text: str) -> Config:
    """The configuration of a text in which nothing is wrong, whether this version follows it or not."""
    loaded = load_text(text, "test.conf")
    others = [found for found in loaded.diagnostics if found.code not in STATUS_CODES]
    assert others == [], "\n".join(map(str, others))
    assert loaded.config is not None
    return loaded.config


def complaints(text: str) -> list[tuple[str, int]]:
    """(code, line) of what is wrong in a text."""
    found = load_text(text, "test.conf").diagnostics
    return [(one.code, one.location.line) for one in found if one.code not in STATUS_CODES]
