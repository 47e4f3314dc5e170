"""Rules across files and about the machine, on other people's files and on damaged ones: no crash, always a place."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alived.base import Diagnostic
from alived.cli.this_machine import ThisMachine
from alived.config.instances.plan import Plan
from alived.config.load import load_text
from alived.config.rules.here import survey
from alived.config.rules.nodes import clusters, routers
from alived.config.rules.rivalry import compare, unknown_nodes
from tests.config.corpus_host import ROOT, read, records
from tests.config.test_corpus import SEED


def plans_of_the_corpus() -> list[Plan]:
    return [plan for plan in (read(record).plan for record in records()) if plan is not None]


def check(diagnostics: Sequence[Diagnostic], files: set[str]) -> None:
    for found in diagnostics:
        assert found.code and found.message and found.hint
        assert found.location.file in files
        assert (found.location.line > 0) == (found.location.column > 0)


def test_all_files_of_the_corpus_as_nodes_of_one_cluster() -> None:
    plans = plans_of_the_corpus()
    assert len(plans) >= 340
    found = list(compare(plans))
    assert len(found) > 1000
    included = {ROOT + file for record in records() for file in record.get("included_files", ())}
    check([diagnostic for _, diagnostic in found], {plan.location.file for plan in plans} | included)
    assert sum(map(len, routers(plans))) == sum(len(plan.instances) for plan in plans)
    assert len(list(unknown_nodes(plans))) > 10


def test_every_file_of_the_corpus_is_in_one_cluster() -> None:
    plans = plans_of_the_corpus()
    sorted_plans = [plan for cluster in clusters(plans) for plan in cluster]
    assert sorted(map(id, sorted_plans)) == sorted(map(id, plans))


def test_every_file_of_the_corpus_on_this_machine() -> None:
    machine = ThisMachine()
    for plan in plans_of_the_corpus():
        for is_here in (True, False):
            result = survey(plan, machine, is_here)
            assert all(found.code and found.hint for found in result.diagnostics)
            assert len(set(result.unverified)) == len(result.unverified)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, 1000), st.integers(0, 30), st.text(alphabet=' {}"!#\n\\$:-[]x9é\0/', max_size=6)),
        min_size=1,
        max_size=6,
    )
)
def test_a_damaged_copy_beside_the_original(edits: list[tuple[int, int, str]]) -> None:
    text = SEED
    for position, length, new in edits:
        at = position % (len(text) + 1)
        text = text[:at] + new + text[at + length :]
    plans = [plan for plan in (load_text(SEED, "a").plan, load_text(text, "b").plan) if plan is not None]
    check([diagnostic for _, diagnostic in compare(plans)], {"a", "b"})
    for plan in plans:
        survey(plan, ThisMachine(), True)
