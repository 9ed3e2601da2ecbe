"""The files of a home: its identity, and what the umask may not do to them."""

from __future__ import annotations

import os
import re
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from queuectl.paths import Home, open_private
from tests.support import children

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(str(tmp_path / "home"))
    home.create()
    return home


def test_a_home_keeps_its_identity(home: Home) -> None:
    id = home.identity()

    assert re.fullmatch(r"[0-9a-f]{32}(\.[0-9a-f]+){2}", id)
    assert Home(home.path).identity() == id
    assert [name for name in os.listdir(home.path) if name.startswith("home.id")] == ["home.id"]


def test_a_copy_of_a_home_is_another_one_and_a_moved_one_is_not(home: Home, tmp_path: Path) -> None:
    id = home.identity()

    shutil.copytree(home.path, tmp_path / "copy")
    os.rename(home.path, tmp_path / "moved")

    assert Home(str(tmp_path / "copy")).identity() != id
    assert Home(str(tmp_path / "moved")).identity() == id


NO_ROOM = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    home.identity()
except OSError:
    say("no room")
"""


def test_an_identity_that_could_not_be_written_is_made_the_next_time(home: Home) -> None:
    assert children.run(NO_ROOM, home.path) == (0, "no room\n")

    assert home.identity()
    assert Home(home.path).identity() == home.identity()


AT_ONCE = """
others = []

def intrude(event, _arguments):
    if event == "os.link" and not others:
        others.append("")
        others.append(Home(home.path).identity())

sys.addaudithook(intrude)
say(home.identity() == others[1] == home.identity())
"""


def test_two_processes_that_give_a_home_its_identity_at_once_agree(home: Home) -> None:
    assert children.run(AT_ONCE, home.path) == (0, "True\n")


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_a_private_file_is_its_owners_to_read_and_write_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        os.close(open_private(str(tmp_path / "file"), os.O_RDWR))
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
