"""The configuration as it will run: what was said, what holds besides, and what became of both.

What was said comes from the tree, in which statements of `--set` and of the environment stand like those of the file.
What was changed on the way to an instance is found by comparing it with its settings; the findings say why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from alived.base import Location
from alived.config.documents.naming import is_duration
from alived.config.effective.said import Finish, defaults, entries, sections
from alived.config.effective.sections import Entry, Kind, Origin, Section
from alived.config.effective.values import VALUES, in_words
from alived.config.instances.plan import Plan
from alived.config.keywords.table import Keyword, Setting, Settings
from alived.config.keywords.top import TOP
from alived.config.keywords.vrrp import INSTANCE
from alived.config.load import Loaded
from alived.config.model import Config, Instance
from alived.config.text.blocks import Block, Tree
from alived.vrrp.config import AuthType

_UNREPORTED = {"state": "members of a sync group begin alike"}
"""Field -> why it may change without a finding."""


def show_said(tree: Tree) -> tuple[Section, ...]:
    """Only what was said."""
    return _all(tree.blocks, lambda block, row, section: section)


def show_effective(tree: Tree, loaded: Loaded) -> tuple[Section, ...]:
    """What holds, whether it was said or not. loaded: what became of the tree, without an error."""
    assert loaded.config is not None and loaded.plan is not None
    blocks = tree.blocks
    if all(block.keyword != "global_defs" for block in blocks):
        blocks = (Block("global_defs", loaded.plan.location, (), ()), *blocks)
    return _all(blocks, _Effective(loaded.config, loaded.plan, loaded).finish)


def _all(blocks: tuple[Block, ...], finish: Finish) -> tuple[Section, ...]:
    outside = tuple(entries(blocks, TOP, ""))
    found = tuple(sections(blocks, TOP, finish))
    return (Section("", Origin(Kind.SAID), outside), *found) if outside else found


class _Effective:
    """Completes sections with what became of them."""

    def __init__(self, config: Config, plan: Plan, loaded: Loaded) -> None:
        self.instances = {one.vrrp.name: one for one in config.instances}
        self.plans = {one.name: one for one in plan.instances}
        self.groups = {member.text: group for group in reversed(plan.groups) for member in group.members}
        self.global_defs = plan.defaults
        self.reasons: dict[Location, str] = {}
        for found in loaded.diagnostics:
            self.reasons.setdefault(found.location, found.message)

    def reason(self, place: Location, name: str, otherwise: str) -> str:
        """Why a statement of an instance is not what it says."""
        return self.reasons.get(place, otherwise).removeprefix(f"{name}: ")

    def finish(self, block: Block, row: Keyword, section: Section) -> Section:
        if row is TOP["vrrp_instance"] and block.arguments[0].text in self.instances:
            return self.instance(section, block.arguments[0].text)
        rows = row.children or {}
        fields = {rows[entry.keyword].field for entry in section.entries if entry.keyword}
        return msgspec.structs.replace(section, entries=(*section.entries, *defaults(rows, fields)))

    def instance(self, section: Section, name: str) -> Section:
        """An instance, which inherits, and of which the whole is more than its statements."""
        instance, known = self.instances[name], dict(self.plans[name].settings)
        devices = {vip.address: vip.interface for vip in instance.vips.addresses}
        said = tuple(self.corrected(entry, instance, known, devices) for entry in section.entries)
        unsaid = (row for row in INSTANCE.values() if row.field not in known and row.field == row.name)
        rest = (entry for row in unsaid for entry in self.unsaid(row, instance))
        inside = tuple(
            self.not_in_force(one, name)
            if one.title == "authentication" and instance.vrrp.auth_type is AuthType.NONE
            else one
            for one in section.sections
        )
        return msgspec.structs.replace(section, entries=(*said, *rest), sections=inside)

    def corrected(
        self, entry: Entry, instance: Instance, known: Mapping[str, Setting], devices: Mapping[str, str]
    ) -> Entry:
        """A statement, or what became of it."""
        row = INSTANCE[entry.keyword]
        if entry.keyword in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
            return _with_device(entry, devices)
        if row.field not in VALUES or row.field not in known:
            return entry
        value, setting = VALUES[row.field](instance), known[row.field]
        if value == setting.value:
            return entry
        why = self.reason(setting.location, instance.vrrp.name, _UNREPORTED.get(row.field, "from the whole"))
        text = in_words(value, is_duration(row.converter))
        return Entry(row.field, text, Origin(Kind.DERIVED, setting.location, why))

    def unsaid(self, row: Keyword, instance: Instance) -> Iterator[Entry]:
        """What holds though the instance does not say it."""
        if row.field not in VALUES:
            yield from defaults({row.name: row}, ())
            return
        value = VALUES[row.field](instance)
        text = in_words(value, is_duration(row.converter))
        yield Entry(row.name, text or "none", self.source(row, value, text, instance))

    def source(self, row: Keyword, value: object, text: str, instance: Instance) -> Origin:
        """Where a value comes from that the instance does not say: a block with defaults, or nowhere."""
        group = self.groups.get(instance.vrrp.name)
        others: list[tuple[str, Settings]] = [("global_defs", self.global_defs)]
        if group is not None:
            others.insert(0, (f"vrrp_sync_group {group.name}", group.settings))
        for title, settings in others:
            setting = dict(settings).get(row.field)
            if setting is not None and setting.value == value:
                return Origin(Kind.INHERITED, setting.location, title)
        return Origin(Kind.DEFAULT, note=row.default if row.default != text else "")

    def not_in_force(self, section: Section, name: str) -> Section:
        place = section.origin.place
        assert place is not None, "it was said"
        return Section("authentication none", Origin(Kind.DERIVED, place, self.reason(place, name, "not in force")), ())


def _with_device(entry: Entry, devices: Mapping[str, str]) -> Entry:
    """The line of an address with the interface that it will be on."""
    words = entry.value.split()
    device = devices.get(words[0].partition("/")[0])
    if "dev" in words or not device:
        return entry
    return msgspec.structs.replace(entry, value=f"{entry.value} dev {device}")
