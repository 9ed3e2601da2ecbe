"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: the machine may be busy. Without chance in CI: a red run must be red again at home (CI=1 make test).
settings.register_profile("default", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("default")
