"""The statements of this engine; what several have in common is in `parts`.

Everywhere they differ from those of SQLite in this: the time is the server's, whose clock alone counts (only tests give
another one); what moves jobs counts them as well, because each is a transaction of its own; and they name the partition
that they are about, so that no other one is read. A comment says what else differs, and why.
"""

from __future__ import annotations

import os

from queuectl.store.statements import Statements

_here = os.path.dirname(__file__)
_statements = Statements(_here, os.path.join(_here, "parts"))

statement = _statements.__getitem__
load_all = _statements.load_all
