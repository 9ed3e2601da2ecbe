"""Measures queuectl on PostgreSQL beside other queues on the same server, and beside floors.

    python benchmarks/postgres/run.py [NAME ...] [--rounds N] [--markdown] [--quick]

A NAME is a row or a system. The systems take turns (A B A C A B A C, A the floor), each time on an empty database, and
each ratio is taken between neighbours: what slows the machine slows both. The server, its databases and all files are
made where TMPDIR says: put that on the disk that counts.
The peers are installed once, where QUEUECTL_BENCH_PEERS says [default: queuectl-bench in the user's cache directory].
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from peers import NODE_PACKAGES, PYTHON_PACKAGES, install
from rows import ROWS
from server import running_server
from systems import FLOOR, Broken, systems, trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rows import Row
    from server import Server
    from systems import System

Figures = dict[str, dict[str, list[tuple[float, float]]]]
"""By what they are and by system: figures of the floor and of the system, measured one right after the other."""


def main() -> None:
    """Measure what the command line asks for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    every = systems(install())
    floor = every.pop(FLOOR)
    options = _parse(sys.argv[1:], every)
    names = [name for name in options.names if name in every] or list(every)
    chosen = [every[name] for name in names]
    table = [["What", "Floor", *names]]
    broken: list[str] = []
    with running_server() as server:
        for name in [name for name in options.names if name in ROWS] or ROWS:
            _say(f"measuring {name} ...")
            row = ROWS[name]
            figures = _measure(row, floor, chosen, server, options, broken)
            for what, by_system in figures.items():
                floors = [floor for pairs in by_system.values() for floor, _ in pairs]
                cells = [_cell(by_system.get(system.name, ())) for system in chosen]
                table.append([what, f"{row.floor}: {_spread(floors)}", *cells])
        about = _about(server, options)
    print(f"{about}\n")
    print(_markdown(table) if options.markdown else _text(table))
    if broken:
        raise SystemExit("\n".join(dict.fromkeys(broken)))


def _measure(  # noqa: PLR0913, PLR0917  a part of main
    row: Row, floor: System, chosen: Sequence[System], server: Server, options: argparse.Namespace, broken: list[str]
) -> Figures:
    """Return the figures of a row; add what went wrong to `broken`. A system that fails lets the others go on."""
    figures: Figures = {}

    def once(system: System) -> Mapping[str, float]:
        with trial(system, server) as run:
            got = row.measure(run, options.quick)
        for what, figure in got.items():
            _say(f"  {system.name}: {what}: {_number(figure)}")
        return got

    for _ in range(options.rounds):
        for system in chosen:
            try:
                below, own = once(floor), once(system)
            except Broken as error:
                _say(f"  {system.name}: {error}")
                broken.append(f"{system.name}: {str(error).splitlines()[-1]}")
                continue
            for what, figure in own.items():
                figures.setdefault(what, {}).setdefault(system.name, []).append((below[what], figure))
    return figures


def _parse(words: Sequence[str], every: Iterable[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [*ROWS, *every]
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"what to measure [default: all]: {', '.join(known)}")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each system [default: 3]")
    parser.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    parser.add_argument("--quick", action="store_true", help="see that everything runs; the figures mean nothing")
    options = parser.parse_args(words)
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no row and no system {unknown[0]}; there are: {', '.join(known)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def _about(server: Server, options: argparse.Namespace) -> str:
    """Return where and when the figures were taken, in one paragraph."""
    quick = " QUICK: these figures mean nothing." if options.quick else ""
    return (
        f"{time.strftime('%Y-%m-%d %H:%MZ', time.gmtime())}, {os.cpu_count()} CPUs, Linux {platform.release()}, "
        f"{server.version}, Python {platform.python_version()}, {', '.join(PYTHON_PACKAGES + NODE_PACKAGES)}; "
        f"load {os.getloadavg()[0]:.1f}; medians (least to greatest) of {options.rounds} rounds, "
        f"and medians of the ratios to the floor.{quick}"
    )


def _cell(pairs: Sequence[tuple[float, float]]) -> str:
    """Return a system's figures, and how many times the floor's they are."""
    if not pairs:
        return ""
    return f"{_spread([own for _, own in pairs])}, {_number(median(own / floor for floor, own in pairs))} x"


def _spread(figures: Sequence[float]) -> str:
    between = f" ({_number(min(figures))} to {_number(max(figures))})" if len(figures) > 1 else ""
    return f"{_number(median(figures))}{between}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.2f}"


def _markdown(table: Sequence[Sequence[str]]) -> str:
    head, *lines = table
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *lines))


def _text(table: Sequence[Sequence[str]]) -> str:
    head, *lines = table
    width = max(map(len, head))
    return "\n\n".join(
        "\n".join(f"{name:{width}}  {cell}" for name, cell in zip(head, cells, strict=True) if cell) for cells in lines
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
