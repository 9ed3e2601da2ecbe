"""The hosts of the tests: cut off without a word, healed, and gone with whoever made them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.eventually import DEADLINE, eventually
from tests.support.hosts import NAMESPACES, best, kind, network
from tests.support.mortal import mortal
from tests.support.processes import gone

if TYPE_CHECKING:
    from tests.support.hosts import Kind

__all__ = ["kind"]

ASK = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    for line in sys.stdin:
        print(connection.execute("SELECT 'answered'").fetchone()[0], flush=True)
"""

KILLED = """
import signal, subprocess
from tests.support.hosts import network
with network(1, "namespaces") as (_, [host]):
    subprocess.Popen([*host.prefix, "sh", "-c", "echo $$; exec sleep 1000"])
    signal.pause()
"""


def test_what_is_sent_over_a_cut_arrives_when_it_is_healed(kind: Kind) -> None:
    with network(1, kind) as (server, [host]):
        child = mortal(
            subprocess.Popen(
                [*host.prefix, sys.executable, "-c", ASK, host.url("postgres")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="ascii",
            )
        )
        assert child.stdin is not None
        assert child.stdout is not None
        with child, child.stdin, child.stdout:
            print("one", file=child.stdin, flush=True)
            assert child.stdout.readline() == "answered\n"
            assert not host.is_missing_answers

            host.cut()
            print("two", file=child.stdin, flush=True)
            eventually(lambda: host.is_missing_answers)
            psycopg.connect(server.url("postgres")).close()  # others are not concerned
            assert child.poll() is None
            host.heal()

            assert child.stdout.readline() == "answered\n"


@pytest.fixture
def permitted() -> None:
    """Skip a test of network namespaces where there are none."""
    if best() != "namespaces":
        pytest.skip("no network namespaces are permitted here")


@pytest.mark.usefixtures("permitted")
def test_hosts_have_names_of_their_own() -> None:
    with network(2, "namespaces") as (_, hosts):
        names = [
            subprocess.check_output([*host.prefix, "uname", "-n"], text=True, timeout=DEADLINE).strip()
            for host in hosts
        ]

    assert names == [host.name for host in hosts]
    assert len({*names, os.uname().nodename}) == 3


@pytest.mark.usefixtures("permitted")
def test_what_a_killed_run_has_left_is_removed_by_the_next() -> None:
    with mortal(subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, encoding="ascii")) as run:
        assert run.stdout is not None
        process = int(run.stdout.readline())
        run.kill()
    left = NAMESPACES / f"qctl{run.pid}-1"
    assert left.exists()
    assert not gone(process)

    with network(1, "namespaces"):
        assert not left.exists()
        eventually(lambda: gone(process))
