"""Owns filling a queue with very many jobs by SQL: copies of one that was enqueued, in the states asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from queuectl import histogram
from queuectl.job import NewJob, Policy
from queuectl.maintenance import MINUTES_KEPT
from queuectl.store.sqlite.engine import SqliteStore

if TYPE_CHECKING:
    from queuectl.paths import Home

DAY = 86_400_000_000
"""Microseconds."""

DURATIONS = [round(5000 * 1.8**step) for step in range(12)]
"""Microseconds that finished jobs took, each equally often: 5 ms to 3 s, so in as many buckets of every minute."""

# The copies are numbered from 1. Those that are finished ended at even intervals within the last six and a half days,
# so within the seven that they are kept.
COPIES = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count),
copies (n, at, took) AS (
    SELECT n, iif(:finished, :now - :span + n * :span / :count, NULL),
        iif(:finished, (SELECT us FROM temp.kinds WHERE rowid = n % :kinds), NULL)
    FROM numbers
)
INSERT INTO jobs ({columns})
SELECT {values} FROM copies, (SELECT * FROM jobs ORDER BY seq LIMIT 1)
"""

VALUES = {
    "id": ":prefix || n",
    "queue": "iif(:ruled, 'q' || n % 1000, queue)",
    "key": "iif(:ruled, 'k' || n * 7919 % 10000, NULL)",
    "key_limit": "iif(:ruled, 1 + n % 2, NULL)",
    "state": ":state",
    "ready": ":ready",
    "created_at": "coalesce(at - took, :now - :count + n)",
    "next_run_at": ":next_run_at",
    "attempt": ":finished",
    "worker": "iif(:finished, 'w', NULL)",
    "started_at": "at - took",
    "ended_at": "at",
    "finished_at": "at",
    "duration": "took",
    "outcome": "iif(:finished, 'exited', NULL)",
    "exit_code": "iif(:finished, 0, NULL)",
}
"""What differs from the job that is copied."""

COUNTS = """
INSERT INTO main.counts (queue, state, n) SELECT queue, state, count(*) FROM jobs GROUP BY queue, state
"""

HISTOGRAM = """
INSERT INTO main.durations (minute, queue, ending, bucket, n, total, shortest, longest)
SELECT finished_at / 60000000, queue, 'completed', bucket, count(*), sum(duration), min(duration), max(duration)
FROM jobs JOIN temp.kinds ON us = duration
WHERE state = 'completed'
GROUP BY 1, 2, 4
"""


def fill(home: Home, *, waiting: int = 0, scheduled: int = 0, finished: int = 0, ruled: int = 0) -> None:
    """Fill an empty queue with jobs that may run now, that may run in a day, and that have completed.

    `ruled` of those that may run now are in 1,000 queues and have 10,000 keys.
    """
    store = SqliteStore(home)
    store.enqueue(
        (NewJob("template", Policy(), command="true", caller_env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}),)
    )
    store.close()
    db = apsw.Connection(home.database)
    with db:
        ((now,),) = db.execute("SELECT created_at FROM jobs")
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(jobs)") if name != "seq"]
        copies = COPIES.format(columns=", ".join(columns), values=", ".join(VALUES.get(name, name) for name in columns))
        db.execute("CREATE TEMP TABLE kinds (us INTEGER, bucket INTEGER)")
        db.executemany(
            "INSERT INTO temp.kinds (rowid, us, bucket) VALUES (?, ?, ?)",
            ((number, us, histogram.bucket(us)) for number, us in enumerate(DURATIONS)),
        )
        for state, count, next_run_at, is_ruled in (
            ("completed", finished, None, False),
            ("pending", scheduled, now + DAY, False),
            ("pending", waiting, now, False),
            ("pending", ruled, now, True),
        ):
            if count:
                db.execute(
                    copies,
                    {
                        "count": count,
                        "now": now,
                        "span": 13 * DAY // 2,
                        "kinds": len(DURATIONS),
                        "prefix": f"{state}-{next_run_at}-{is_ruled}-",
                        "ruled": is_ruled,
                        "state": state,
                        "ready": next_run_at == now,
                        "next_run_at": next_run_at,
                        "finished": state == "completed",
                    },
                )
        db.execute(HISTOGRAM)
        db.execute("DELETE FROM jobs WHERE id = 'template'")
        db.execute("DELETE FROM main.counts")
        db.execute(COUNTS)
    store = SqliteStore(home)
    store.upkeep(MINUTES_KEPT)  # as each worker does once a minute
    store.close()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
