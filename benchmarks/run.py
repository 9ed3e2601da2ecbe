"""Measures queuectl against floors that are measured beside it, and says which budgets are kept.

    python benchmarks/run.py [ROW ...] [--rounds N] [--markdown] [--json FILE] [--quick]

Everything happens in a directory that is thrown away. It is made where TMPDIR says: put that on the disk that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import bulk
import claim
import drain
import enqueue
import idle
import latency
import output
import reading
import startup
from bench import Bench
from program import install
from results import HEAD, Line, fields, markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROWS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "drain": drain.measure,
    "enqueue": enqueue.measure,
    "bulk": bulk.measure,
    "startup": startup.measure,
    "latency": latency.measure,
    "claim": claim.measure,
    "reading": reading.measure,
    "idle": idle.measure,
    "output": output.measure,
}


def main() -> None:
    """Measure what the command line asks for."""
    options = _parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="queuectl-bench-") as name:
        directory = Path(name)
        _say("installing this source tree as a wheel ...")
        bench = Bench(install(directory), directory, options.rounds, options.quick)
        about = _about(bench)
        for row in options.rows or ROWS:
            _say(f"measuring {row} ...")
            for line in ROWS[row](bench):
                lines.append(line)
                if not options.markdown:
                    print(_text(line), flush=True)
    if options.markdown:
        print(f"{about}\n\n{markdown(line.cells() for line in lines)}")
    else:
        missed = [line.what for line in lines if line.kept is False]
        print(
            f"\n{about}\n{len(lines)} figures, {len(missed)} budgets missed{''.join(f'{chr(10)}  {w}' for w in missed)}"
        )
    if options.json is not None:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"about": about, "lines": [fields(line) for line in lines]}, file, indent=2)


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", metavar="ROW", nargs="*", help=f"what to measure [default: all]: {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=5, help="turns of floor and queuectl [default: 5]")
    parser.add_argument("--markdown", action="store_true", help="print the finished table for docs/performance.md")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    parser.add_argument("--quick", action="store_true", help="see that everything runs; the figures mean nothing")
    options = parser.parse_args(words)
    if unknown := [row for row in options.rows if row not in ROWS]:
        parser.error(f"no row {unknown[0]}; rows: {', '.join(ROWS)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def _about(bench: Bench) -> str:
    """Return where and when the figures were taken, in one paragraph."""
    quick = " QUICK: these figures mean nothing." if bench.quick else ""
    return (
        f"{time.strftime('%Y-%m-%d %H:%MZ', time.gmtime())}, {os.cpu_count()} CPUs ({_processor()}), "
        f"Linux {platform.release()}, Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}, "
        f"load before {os.getloadavg()[0]:.1f}; {bench.rounds} rounds.{quick}"
    )


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _text(line: Line) -> str:
    width = max(map(len, HEAD))
    return "\n".join(f"{head:{width}}  {cell}" for head, cell in zip(HEAD, line.cells(), strict=True) if cell) + "\n"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
