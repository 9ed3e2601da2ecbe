"""Owns what environment a command gets (design: docs/reference/environment). Pure."""

from __future__ import annotations

from queuectl.queue import CALLER_VARIABLES
from queuectl.storeurl import without_password
from queuectl.wire import rfc3339
from queuectl.worker.descendants import COOKIE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from queuectl.job import Job

PASSWORD = "PGPASSWORD"  # noqa: S105  its name
"""The password of a server whose URL has none; where the queue is a file it is the jobs' own."""


def base(environ: Mapping[str, str], home: str) -> dict[str, str]:
    """Return the part that all jobs of a worker share: its own environment without what comes from the enqueuer."""
    own = {name: value for name, value in environ.items() if not _from_caller(name) and name != COOKIE}
    if own.get("QUEUECTL_STORE"):
        own["QUEUECTL_STORE"] = without_password(own["QUEUECTL_STORE"])
        own.pop(PASSWORD, None)
    return {**own, "QUEUECTL_HOME": home}


def of_job(shared: Mapping[str, str], secrets: Mapping[str, str], job: Job) -> dict[str, str]:
    """Return the environment of one run. `secrets` is where the values of `secret_env` are found."""
    environ = {**shared, **job.caller_env, **job.env}
    for name in job.secret_env:
        if name in secrets:
            environ[name] = secrets[name]
    environ["QUEUECTL_JOB_ID"] = job.id
    environ["QUEUECTL_ATTEMPT"] = str(job.attempt)
    environ["QUEUECTL_QUEUE"] = job.queue
    if job.flow.batch is not None:
        environ["QUEUECTL_BATCH"] = job.flow.batch
    if job.flow.array_index is not None:
        environ["QUEUECTL_ARRAY_INDEX"] = str(job.flow.array_index)
    if job.flow.schedule is not None:
        environ["QUEUECTL_SCHEDULE"] = job.flow.schedule
        if job.flow.tick is not None:
            environ["QUEUECTL_TICK"] = rfc3339(job.flow.tick)
    environ[COOKIE] = str(job.cookie)
    return environ


def _from_caller(name: str) -> bool:
    return name in CALLER_VARIABLES or name.startswith("LC_")
