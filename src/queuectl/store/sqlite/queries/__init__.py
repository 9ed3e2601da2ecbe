"""The statements of this engine."""

from __future__ import annotations

import os

from queuectl.store.statements import Statements

_statements = Statements(os.path.dirname(__file__))

statement = _statements.__getitem__
load_all = _statements.load_all
