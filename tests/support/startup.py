"""Supervisors and workers that begin with code of a test, which so changes what it cannot wait for or bring about."""

from __future__ import annotations

from importlib import import_module
from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.processes import RealQueue

LOOKING = {
    "queuectl.worker.loop.TICK": 3600.0,
    "queuectl.worker.supervisor.HUNG_AFTER": 3600,  # it gives no beat then
    "queuectl.store.postgres.engine.LOOK_EVERY": 3600.0,
    "queuectl.store.postgres.engine.LOOK_EVERY_WHEN_DEAF": 3600.0,
}
"""Constants of workers that look at nothing by themselves: whatever reaches them has called them."""


def begin_with(queue: RealQueue, code: str) -> None:
    """Let supervisors, and the workers that they fork, run some code first: a `sitecustomize`."""
    guarded = f"import sys\nif 'queuectl.cli.supervise' in sys.orig_argv:\n{indent(code, '    ')}"
    (queue.directory / "sitecustomize.py").write_text(guarded)
    queue.environ["PYTHONPATH"] = f"{queue.directory}:{queue.environ.get('PYTHONPATH', '')}"


def begin_with_constants(queue: RealQueue, constants: Mapping[str, object]) -> None:
    """Let supervisors and workers have other constants, by their full names."""
    lines = []
    for name, value in constants.items():
        module, _, constant = name.rpartition(".")
        assert hasattr(import_module(module), constant), name
        lines.append(f"import {module}; {name} = {value!r}")
    begin_with(queue, "\n".join(lines))
