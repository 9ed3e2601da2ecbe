"""The home: who may read it, and what is said when it, or the database in it, cannot be used."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import apsw
import pytest

from tests.cli.conftest import FILES_ONLY
from tests.support.eventually import DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

    from queuectl.paths import Home
    from tests.cli.conftest import Cli

pytestmark = FILES_ONLY


def test_what_was_put_into_a_home_is_made_private(cli: Cli, home: Home) -> None:
    os.mkdir(home.path, 0o755)
    assert cli("enqueue", "--id", "a", "--", "true").code == 0
    assert os.stat(home.path).st_mode & 0o777 == 0o700
    cli("clear")
    for name in os.listdir(home.path):
        if name.startswith("queue.db"):
            os.chmod(os.path.join(home.path, name), 0o644)

    cli("enqueue", "--env", "TOKEN=secret", "--", "true")

    modes = {os.stat(os.path.join(home.path, name)).st_mode & 0o077
             for name in os.listdir(home.path) if name.startswith("queue.db")}  # fmt: skip
    assert modes == {0}


def test_the_umask_does_not_open_the_home(environ: dict[str, str], program: list[str], home: Home) -> None:
    subprocess.run([*program, "enqueue", "-q", "--", "true"], env=environ, umask=0, timeout=DEADLINE, check=True)
    modes = {path: os.stat(path).st_mode & 0o777 for path in (home.path, home.run, home.logs, home.database)}
    assert modes == {home.path: 0o700, home.run: 0o700, home.logs: 0o700, home.database: 0o600}


def test_an_empty_home_variable_counts_as_unset(cli: Cli, tmp_path: Path) -> None:
    cli("enqueue", "-q", "--", "true", env={"QUEUECTL_HOME": ""})
    assert (tmp_path / ".local/share/queuectl/queue.db").exists()


@pytest.mark.parametrize("argv", [["list"], ["status"], ["enqueue", "--", "true"]])
def test_a_home_that_cannot_be_used_is_exit_5(cli: Cli, tmp_path: Path, argv: list[str]) -> None:
    (tmp_path / "file").touch()
    code, _, err = cli("--home", "file", *argv)
    assert code == 5
    assert str(tmp_path / "file") in err
    assert len(err.splitlines()) <= 2


def test_a_database_that_was_copied_into_an_empty_home_can_be_read(cli: Cli, home: Home, tmp_path: Path) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    backup = tmp_path / "backup.db"
    database = apsw.Connection(home.database)
    database.execute("VACUUM INTO ?", (str(backup),))
    database.close()
    restored = tmp_path / "restored"
    restored.mkdir(mode=0o700)
    backup.rename(restored / "queue.db")

    assert cli("list", "-q", "--home", str(restored)) == (0, "a\n", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"x" * 5000, "is damaged or not a database"), (b"", None), (None, "is not a regular file")],
)
def test_reading_says_what_is_wrong_with_a_lone_database_file(
    cli: Cli, home: Home, content: bytes | None, message: str | None
) -> None:
    os.mkdir(home.path, 0o700)
    if content is None:
        os.mkdir(home.database)
    else:
        with open(home.database, "wb") as file:
            file.write(content)

    code, out, err = cli("list")

    assert (code, out) == (0 if message is None else 5, "")
    assert message is None or message in err


def test_a_home_whose_path_is_not_text_is_exit_5(program: list[str], environ: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*map(os.fsencode, program), b"--home", b"by\xff", b"list"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 5
    assert done.stderr.startswith(b"queuectl: error: the path of the home is not valid UTF-8: ")


def test_a_relative_home_below_a_directory_that_is_gone_is_exit_5(
    program: list[str], environ: dict[str, str], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$PWD"; "$@"', "sh", *program, "--home", "h", "list"],
        env=environ, cwd=gone, capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert "the current directory does not exist any more" in done.stderr


def test_a_foreign_database_is_exit_5(cli: Cli, home: Home) -> None:
    home.create()
    with open(home.database, "wb") as file:
        file.write(b"not a database, but as long as one" * 100)
    for argv in (["list"], ["enqueue", "--", "true"], ["status"]):
        code, _, err = cli(*argv)
        assert code == 5, argv
        assert err.startswith("queuectl: error: ")
        assert len(err.splitlines()) <= 2
