"""Workers under which something is taken away: their database, their home."""

from __future__ import annotations

import glob
import os
import shutil
from typing import TYPE_CHECKING

import apsw
import psycopg

from queuectl import roster
from queuectl.job import State
from tests.support.eventually import eventually
from tests.support.processes import FILES_ONLY
from tests.support.startup import begin_with_constants

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue


def remove_database(queue: RealQueue) -> None:
    for path in glob.glob(f"{queue.home.database}*"):
        os.unlink(path)


@FILES_ONLY
def test_a_worker_whose_database_was_deleted_makes_room_for_one_that_serves_the_new_one(queue: RealQueue) -> None:
    [before] = queue.start()
    queue.wait(queue.enqueue("true"))
    queue.wait(queue.enqueue("true"), State.COMPLETED)
    remove_database(queue)

    id = queue.do("enqueue", "--id", "new", "--", "true").strip()
    eventually(lambda: queue.do("list", "--state", "completed", "-q").split() == [id])

    assert [worker.id for worker in queue.workers()] != [before.id]


@FILES_ONLY
def test_the_end_of_a_job_is_not_lost_when_a_backup_is_restored_under_it(queue: RealQueue, gate: Gate) -> None:
    queue.start(count=2)
    id = queue.enqueue("echo ran >> runs; read _ < gate")
    queue.wait_for_lines("runs")
    backup = str(queue.directory / "backup.db")
    database = apsw.Connection(queue.home.database)
    database.execute("VACUUM INTO ?", (backup,))
    database.close()
    queue.wait(queue.enqueue("true", "--run-at", "+2s"))  # a backup is older than a second when it is restored

    remove_database(queue)
    os.rename(backup, queue.home.database)
    gate.open()

    eventually(lambda: queue.do("list", "--state", "completed", "-q").split() == [id])
    assert queue.lines("runs") == ["ran"]


def test_workers_that_lose_their_place_all_at_once_are_all_replaced(queue: RealQueue) -> None:
    begin_with_constants(queue, {"queuectl.worker.supervisor.MOST_DEATHS": 2})
    before = {worker.id for worker in queue.start(count=3, env={"QUEUECTL_LEASE": "4s"})}

    if queue.url is None:
        remove_database(queue)
    else:  # as when the server comes back from a backup, or its clock is put forward
        with psycopg.connect(queue.url) as other:
            other.execute("DELETE FROM queuectl.workers")

    eventually(lambda: len({worker.id for worker in queue.workers()} - before) == 3)
    assert not roster.failures(queue.home)


def test_workers_whose_home_was_removed_end_and_leave_nobody_in_the_next_one(queue: RealQueue) -> None:
    queue.start(count=2)
    shutil.rmtree(queue.home.path)
    queue.do("enqueue", "--id", "new", "--", "true")

    def ended() -> None:
        assert not queue.processes()

    eventually(ended)
    assert not queue.workers()
    queue.stop()
    queue.start()
    eventually(lambda: queue.do("list", "--state", "completed", "-q").split() == ["new"])
