"""Records behave as `typing.NamedTuple` does, which they replace for the sake of start-up time."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable


class Ours(Record):
    a: int
    b: int
    c: int = 3
    d: int = 4


class Theirs(NamedTuple):
    a: int
    b: int
    c: int = 3
    d: int = 4


def result(make: Callable[[], Any]) -> tuple[int, ...] | str:
    """Return the values, or that they were refused."""
    try:
        return tuple(make())
    except (TypeError, ValueError):
        return "refused"


named = st.dictionaries(st.sampled_from("abcde"), st.integers(10, 19), max_size=4)


@given(st.lists(st.integers(0, 9), max_size=5), named)
def test_the_same_values_make_the_same_record(values: list[int], more: dict[str, int]) -> None:
    assert result(lambda: Ours(*values, **more)) == result(lambda: Theirs(*values, **more))


@given(named)
def test_a_replacement_changes_what_it_names(more: dict[str, int]) -> None:
    assert result(lambda: Ours(1, 2)._replace(**more)) == result(lambda: Theirs(1, 2)._replace(**more))


def test_a_record_can_be_taken_apart_by_name_and_by_place() -> None:
    record = Ours(1, 2)

    assert (record.a, record.b, record.c, record.d) == (1, 2, 3, 4)
    assert record._asdict() == Theirs(1, 2)._asdict()
    assert repr(record) == repr(Theirs(1, 2)).replace("Theirs", "Ours")
    match record:
        case Ours(a, d=d):
            assert (a, d) == (1, 4)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Ours(1, 2).a = 5  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Ours(1, 2).other = 5  # type: ignore[attr-defined]


def test_a_record_survives_copying_and_pickling() -> None:
    record = Ours(1, 2)

    assert copy.deepcopy(record) == record
    assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301  our own bytes
