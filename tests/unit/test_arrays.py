"""How an array of jobs is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.arrays import LARGEST, Array, parse_array
from queuectl.errors import InvalidInput

small = st.integers(0, 10**6)


@given(small, st.integers(0, LARGEST - 1), st.none() | st.integers(1, 10**6), st.none() | st.integers(1, 10**6))
def test_what_is_written_is_read(first: int, more: int, step: int | None, at_once: int | None) -> None:
    text = f"{first}-{first + more}"
    if step is not None:
        text += f":{step}"
    if at_once is not None:
        text += f"%{at_once}"

    assert parse_array(text) == Array(range(first, first + more + 1, step or 1), at_once)


@pytest.mark.parametrize(
    ("text", "indexes"),
    [("1-3", [1, 2, 3]), ("0-30:10", [0, 10, 20, 30]), ("0-29:10", [0, 10, 20]), ("7-7", [7]), ("01-02", [1, 2])],
)
def test_the_last_index_belongs_to_it(text: str, indexes: list[int]) -> None:
    assert list(parse_array(text).indexes) == indexes


@given(st.text(max_size=20))
def test_whatever_it_is_it_is_an_array_or_refused(text: str) -> None:
    try:
        array = parse_array(text)
    except InvalidInput:
        return
    assert 0 < len(array.indexes) <= LARGEST


@pytest.mark.parametrize(
    "text",
    ["", "1", "1-", "-3", "3-1", "1-2-3", "a-b", "1-3:0", "1-3%0", "1-3:", "1-3%", "1-3%2:1", " 1-3", "1-3 ", "1-3\n",
     "1-100001", "0-9999999999", "9999999999-9999999999", "1-99999999999", "\u0661-\u0663", "1-3:-1", "1,2"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_array(text)
