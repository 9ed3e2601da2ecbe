"""The founding commands on the oldest PostgreSQL server that there is; other tests have the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.founding import use
from tests.support.stores import OLDER

if TYPE_CHECKING:
    from tests.support.processes import RealQueue


@pytest.mark.parametrize("queue", OLDER, indirect=True)
def test_the_founding_commands_work(queue: RealQueue) -> None:
    use(queue)
