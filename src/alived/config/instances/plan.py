"""Instances and groups together with the settings that they came from: values that know their places."""

from __future__ import annotations

import msgspec

from alived.base import Location
from alived.config.keywords.table import Settings
from alived.config.model import Instance
from alived.config.text.blocks import Block, Word
from alived.health.trackers_config import Tracking
from alived.vrrp.config import VrrpSyncGroup


class InstancePlan(msgspec.Struct, frozen=True):
    instance: Instance
    settings: Settings

    @property
    def name(self) -> str:
        return self.instance.vrrp.name


class GroupPlan(msgspec.Struct, frozen=True):
    """members: as written, also those that do not exist."""

    vrrp: VrrpSyncGroup
    settings: Settings
    members: tuple[Word, ...]
    tracking: Tracking

    @property
    def name(self) -> str:
        return self.vrrp.name


class Plan(msgspec.Struct, frozen=True):
    """said: what the top level says, by field; defaults: what `global_defs` says; tree: all statements."""

    location: Location
    instances: tuple[InstancePlan, ...]
    groups: tuple[GroupPlan, ...]
    said: Settings
    defaults: Settings
    tree: tuple[Block, ...] = ()
