"""Effective configurations as golden files: what every default and every inherited value comes to.

    python -m tests.config.effective             what differs
    python -m tests.config.effective --rewrite   write the files

Of the corpus only a digest and some counts are kept (its text is other people's), of our examples everything.
"""

from __future__ import annotations

import hashlib
import pathlib
import sys
from typing import Any

import msgspec

from alived.config.load import load_text
from alived.config.model import Config
from tests.config.corpus_host import golden, name_of, read, read_table, records, write_table

TABLE = golden("keepalived_configurations.json")
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SUFFIXES = (".conf", ".yaml", ".toml")


def encoded(config: Config) -> bytes:
    return msgspec.json.encode(config, order="deterministic")


def facts(config: Config | None) -> dict[str, Any] | None:
    """A digest of everything and counts that a reader of the file can check; None: it will not run."""
    if config is None:
        return None
    pools = [service.pool for service in config.virtual_servers]
    return {
        "digest": hashlib.sha256(encoded(config)).hexdigest()[:16],
        "instances": len(config.instances),
        "groups": len(config.sync_groups),
        "addresses": sum(len(instance.vips.addresses) for instance in config.instances),
        "virtual_servers": len(config.virtual_servers),
        "real_servers": sum(map(len, pools)),
        "checks": sum(len(member.checks) for pool in pools for member in pool),
        "scripts": len(config.vrrp_scripts),
    }


def table() -> dict[str, Any]:
    return {name_of(record): facts(read(record).config) for record in records()}


def examples() -> list[pathlib.Path]:
    return sorted(path for path in (REPOSITORY / "examples").iterdir() if path.suffix in SUFFIXES)


def golden_of(example: pathlib.Path) -> pathlib.Path:
    return golden("examples") / f"{example.name}.json"


def effective(example: pathlib.Path) -> str:
    """The whole configuration of an example, a field a line."""
    config = load_text(example.read_bytes(), example.name).config
    assert config is not None, example
    return msgspec.json.format(encoded(config), indent=2).decode() + "\n"


def main() -> int:
    rows, before = table(), read_table(TABLE)
    changed = [name for name in {**before, **rows} if before.get(name) != rows.get(name)]
    stale = [one for one in examples() if not golden_of(one).exists() or golden_of(one).read_text() != effective(one)]
    for name in changed:
        print(f"{name}: {before.get(name)} -> {rows.get(name)}")
    for example in stale:
        print(f"{example.name}: its effective configuration changed")
    if "--rewrite" in sys.argv:
        write_table(TABLE, rows)
        golden("examples").mkdir(exist_ok=True)
        for example in stale:
            golden_of(example).write_text(effective(example))
    return 1 if changed or stale else 0


if __name__ == "__main__":
    sys.exit(main())
