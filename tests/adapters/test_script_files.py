"""Programs that others could exchange: who can is named, and what was looked at is what runs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from alived.adapters import script_files
from alived.adapters.script_files import Pin, opened, unsafe_part
from alived.adapters.script_process import Account, ScriptError
from tests.adapters.test_scripts import Scripts
from tests.adapters.test_scripts import scripts as scripts

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs files of root and other users")


def test_a_script_that_only_root_can_change_is_safe() -> None:
    assert unsafe_part(os.path.realpath("/bin/sh")) == ""


@pytest.mark.parametrize("culprit", ["script", "directory"])
@pytest.mark.parametrize("how", ["owner", "mode"])
def test_what_others_can_change_is_named(tmp_path: Path, culprit: str, how: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs files of root")
    directory = tmp_path / "directory"
    directory.mkdir()
    script = directory / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert unsafe_part(str(script)) == "", "the sticky /tmp above is no danger"
    part = script if culprit == "script" else directory
    if how == "owner":
        os.chown(part, 65534, -1)
    else:
        part.chmod(0o775)
    assert unsafe_part(str(script)) == str(part)


# -- hooks --


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """In a directory that others may pass."""
    for directory in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        directory.chmod(0o755)
    return write(tmp_path / "hook.sh", "#!/bin/sh\necho first $1\n")


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pin(path: Path) -> tuple[Pin, ...]:
    return (Pin(digest(path)),)


def account(name: str = "root") -> Account:
    return Account(name, "")


def run(scripts: Scripts, path: Path, program: int, who: Account) -> list[str]:
    scripts.runs += 1
    number = scripts.runs
    scripts.runner.start(number, [str(path), "argument"], who, {}, program)
    scripts.turn_until(lambda: number in scripts.ended)
    return scripts.lines


@contextlib.contextmanager
def refused(path: Path, who: Account, pins: tuple[Pin, ...] = ()) -> Iterator[pytest.ExceptionInfo[ScriptError]]:
    with pytest.raises(ScriptError) as caught, opened(str(path), who, pins):
        pytest.fail("it was opened")
    yield caught


@pytest.mark.parametrize("who", ["root", "nobody"])
@pytest.mark.parametrize("pinned", [False, True], ids=["by file", "pinned"])
def test_what_was_opened_runs_as_whom_it_shall(scripts: Scripts, script: Path, who: str, pinned: bool) -> None:
    with opened(str(script), account(who), pin(script) if pinned else ()) as program:
        assert run(scripts, script, program, account(who)) == ["first argument"]


@pytest.mark.parametrize("pinned", [False, True], ids=["by file", "pinned"])
def test_a_file_that_takes_its_place_does_not_run(scripts: Scripts, script: Path, pinned: bool) -> None:
    with opened(str(script), account(), pin(script) if pinned else ()) as program:
        os.replace(write(script.with_name("other"), "#!/bin/sh\necho second\n"), script)
        assert run(scripts, script, program, account()) == ["first argument"]


def test_a_pinned_one_runs_as_it_was_measured_even_if_its_owner_writes_to_it(scripts: Scripts, script: Path) -> None:
    with opened(str(script), account(), pin(script)) as program:
        script.write_text("#!/bin/sh\necho second\n")
        assert run(scripts, script, program, account()) == ["first argument"]


def test_a_program_that_is_no_script_can_be_pinned(scripts: Scripts) -> None:
    echo = Path(os.path.realpath("/bin/echo"))
    with opened(str(echo), account(), pin(echo)) as program:
        assert run(scripts, echo, program, account()) == ["argument"]


def test_a_script_finds_its_directory_by_its_real_path(scripts: Scripts, tmp_path: Path, script: Path) -> None:
    write(script, '#!/bin/sh\ndirname "$(readlink -f "$0")"\n')
    with opened(str(script), account()) as program:
        assert run(scripts, script, program, account()) == [str(tmp_path)]


@needs_root
def test_another_content_than_the_pinned_one(script: Path) -> None:
    with refused(script, account(), (Pin("0" * 64),)) as caught:
        assert str(caught.value) == f"{script} has another content than its sha256 says: it has {digest(script)}"


@needs_root
def test_a_content_is_pinned_with_a_key_that_nobody_else_knows(script: Path) -> None:
    key = b"sixteen bytes or so"
    right = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", key.decode(), str(script)], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    with opened(str(script), account(), (Pin(right, key),)) as program:
        assert os.pread(program, 9, 0) == b"#!/bin/sh"
    with refused(script, account(), (Pin(right, b"another key of sixteen"),)) as caught:
        assert str(caught.value) == f"{script} has another content than its hmac says"
    with refused(script, account(), (*pin(script), Pin("0" * 64, key))) as caught:
        assert "hmac" in str(caught.value), "all must be right"


@needs_root
def test_one_that_is_too_large_to_be_pinned(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_files, "MAX_PINNED", 10)
    with refused(script, account(), pin(script)) as caught:
        assert str(caught.value) == f"{script}: File too large"


@needs_root
def test_one_that_is_not_there(tmp_path: Path) -> None:
    with refused(tmp_path / "gone", account()) as caught:
        assert str(caught.value) == f"{tmp_path / 'gone'}: No such file or directory"


@needs_root
def test_one_that_is_no_file_or_not_executable(tmp_path: Path, script: Path) -> None:
    with refused(tmp_path, account()) as caught:
        assert str(caught.value) == f"{tmp_path} is not a file"
    os.mkfifo(tmp_path / "pipe")
    with refused(tmp_path / "pipe", account(), (Pin("0" * 64),)) as caught:
        assert str(caught.value) == f"{tmp_path / 'pipe'} is not a file"
    script.chmod(0o644)
    with refused(script, account()) as caught:
        assert str(caught.value) == f"{script} is not executable: chmod +x {script}"


@needs_root
@pytest.mark.parametrize(("uid", "name"), [(65534, "nobody"), (4_000_000, "user 4000000")])
def test_one_that_belongs_to_somebody_else(script: Path, uid: int, name: str) -> None:
    os.chown(script, uid, -1)
    with refused(script, account("daemon")) as caught:
        assert str(caught.value) == f"{script} belongs to {name}, neither to root nor to daemon"


@needs_root
def test_one_that_belongs_to_its_own_account_is_fine(script: Path) -> None:
    os.chown(script, account("nobody").uid, -1)
    with opened(str(script), account("nobody")) as program:
        assert os.fstat(program).st_ino == script.stat().st_ino


@needs_root
@pytest.mark.parametrize("culprit", ["script", "directory"])
def test_one_that_others_can_change_is_refused(script: Path, culprit: str) -> None:
    part = script if culprit == "script" else script.parent
    part.chmod(0o777)
    with refused(script, account()) as caught:
        assert str(caught.value) == f"{part} can be changed by others than root: {script} is not run"


@needs_root
def test_a_link_is_followed_to_what_is_looked_at(tmp_path: Path, script: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    target = write(bad / "hook.sh", "#!/bin/sh\n")
    bad.chmod(0o777)
    link = tmp_path / "link"
    link.symlink_to(target)
    with refused(link, account()) as caught:
        assert str(caught.value).startswith(f"{bad} can be changed")
