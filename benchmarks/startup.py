"""One enqueue as a process, against a Python that does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairs import Pairs, alternate
from processes import run
from results import Line, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench import Bench


def measure(bench: Bench) -> Iterator[Line]:
    """Measure whole processes on a queue that is there, both on the interpreter of the installed program."""
    program = bench.program
    with bench.home() as home:
        environ = program.environ(home)
        floors, own = alternate(
            8 * bench.rounds,
            lambda: run([program.python, "-c", "pass"], environ),
            lambda: run([program.script, "enqueue", "--", "true"], environ),
        )
    for what, figure, budget in (
        ("`queuectl enqueue -- true` as a process", "seconds", at_most(3.0)),
        ("its CPU, which other load on the machine moves less", "cpu", None),
    ):
        pairs = Pairs([getattr(cost, figure) for cost in floors], [getattr(cost, figure) for cost in own])
        floor, ours = pairs.medians
        yield Line(
            "startup",
            what,
            f"{1000 * ours:.1f} ms",
            f"`python -c pass`: {1000 * floor:.1f} ms",
            pairs.ratio,
            "x",
            budget,
            pairs.spread,
        )
