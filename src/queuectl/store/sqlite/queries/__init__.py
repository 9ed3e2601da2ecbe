"""The statements of this engine; what several have in common is in `parts`."""

from __future__ import annotations

import os

from queuectl.store.statements import Statements

_here = os.path.dirname(__file__)
_statements = Statements(_here, os.path.join(_here, "parts"))

statement = _statements.__getitem__
load_all = _statements.load_all
