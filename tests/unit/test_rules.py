"""How limits of queues are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.errors import InvalidInput
from queuectl.rules import MOST, Rate, parse_concurrency, parse_rate


@pytest.mark.parametrize(
    ("text", "rate", "written"),
    [
        ("10/m", Rate(10, 60.0), "10/m"),
        ("5/s", Rate(5, 1.0), "5/s"),
        ("1/60s", Rate(1, 60.0), "1/m"),
        ("100/1h30m", Rate(100, 5400.0), "100/1h30m"),
        ("2/0.5", Rate(2, 0.5), "2/0.5s"),
        ("7/2d", Rate(7, 172800.0), "7/2d"),
    ],
)
def test_a_rate_is_read_and_written(text: str, rate: Rate, written: str) -> None:
    assert parse_rate(text) == rate
    assert str(rate) == written


@given(st.integers(1, MOST), st.integers(1, 10**9).map(lambda thousandths: thousandths / 1000))
def test_a_rate_that_is_written_is_read_as_it_was(number: int, seconds: float) -> None:
    assert parse_rate(str(Rate(number, seconds))) == Rate(number, seconds)


@pytest.mark.parametrize("read", [parse_rate, parse_concurrency])
def test_none_is_no_limit(read: object) -> None:
    assert read("none") is None  # type: ignore[operator]


@pytest.mark.parametrize(
    "text", ["", "/", "10", "10/", "/m", "0/m", "-1/m", "1.5/m", "10/m/s", "10/0", "1000001/m", "٣/m"]
)
def test_another_form_is_no_rate(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a rate"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "many", "1000001", "٣"])
def test_another_number_is_no_concurrency(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_concurrency(text)
