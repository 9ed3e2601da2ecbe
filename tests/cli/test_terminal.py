"""Text that is made harmless, widths, and how time is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.cli.terminal import safe
from queuectl.cli.when import age, span
from queuectl.cli.words import take_apart


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("plain é \u4f60 \U0001f600", "plain é \u4f60 \U0001f600"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("a\nb\tc\r\0", "a\\x0ab\\x09c\\x0d\\x00"),
        ("\u202eevil", "\\u202eevil"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_could_move_hide_or_reorder_becomes_an_escape(text: str, harmless: str) -> None:
    assert safe(text) == harmless


@given(st.text())
def test_harmless_text_can_be_shown_and_stays_as_it_is(text: str) -> None:
    assert safe(text).isprintable()
    assert safe(safe(text)) == safe(text)
    safe(text).encode()


@given(st.text())
def test_printable_text_is_not_touched(text: str) -> None:
    if text.isprintable():
        assert safe(text) == text


@pytest.mark.parametrize(
    ("seconds", "one", "two"),
    [
        (-5, "0s", "0s"),
        (0, "0s", "0s"),
        (59.4, "59s", "59s"),
        (119, "119s", "1m 59s"),
        (120, "2m", "2m"),
        (7199, "119m", "1h 59m"),
        (7200, "2h", "2h"),
        (172_799, "47h", "1d 23h"),
        (172_800, "2d", "2d"),
        (601_200, "6d", "6d 23h"),
        (86_460, "24h", "1d"),
    ],
)
def test_a_length_of_time_in_one_unit_and_in_two(seconds: float, one: str, two: str) -> None:
    assert (age(seconds), span(seconds)) == (one, two)


@given(st.lists(st.text()), st.lists(st.text() | st.just("--")))
def test_what_stands_behind_two_dashes_is_never_read(before: list[str], job: list[str]) -> None:
    before = [word for word in before if word != "--"]
    taken = take_apart([*before, "--", *job])
    assert taken.argv == tuple(job)
    assert taken._replace(argv=None) == take_apart(before)


@given(st.lists(st.sampled_from(["list", "dlq", "retry", "--json", "-q", "--home", "x", "-o", "json", "--all"])))
def test_no_word_is_lost_or_added(words: list[str]) -> None:
    taken = take_apart(words)
    assert sorted([*taken.name.split(), *taken.options]) == sorted(words)
