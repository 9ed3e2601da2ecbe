"""Which queues a worker serves, and whose turn it is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.errors import InvalidInput
from queuectl.serving import Served, Turns, parse_served


@pytest.mark.parametrize(
    ("text", "served"),
    [
        ("a", Served(("a",), None)),
        ("urgent,default", Served(("urgent", "default"), None)),
        ("a:3,b:1", Served(("a", "b"), (3, 1))),
    ],
)
def test_queues_are_read_and_written(text: str, served: Served) -> None:
    assert parse_served(text) == served
    assert str(served) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'queue "" is not allowed'),
        ("a,", 'queue "" is not allowed'),
        ("a b", 'queue "a b" is not allowed'),
        ("a,b,a", '"a,b,a" names a queue twice'),
        ("a:3,b", "either every queue has a weight or none has"),
        ("a:0", '"0" is not a weight from 1 to 1000'),
        ("a:", '"" is not a weight from 1 to 1000'),
        ("a:1.5", '"1.5" is not a weight from 1 to 1000'),
        (",".join(f"q{n}" for n in range(65)), "a worker serves at most 64 queues by name"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_served(text)
    assert refused.value.message == message


def claims(turns: Turns, some: set[str], number: int) -> list[str]:
    """Claim where only some queues have jobs."""
    taken = []
    for _ in range(number):
        queue = next(name for name in turns.order() if name in some)
        turns.took(queue)
        taken.append(queue)
    return taken


def test_in_strict_order_the_first_goes_first() -> None:
    turns = Turns(parse_served("b,a"))
    assert claims(turns, {"a", "b"}, 3) == ["b", "b", "b"]
    assert claims(turns, {"a"}, 2) == ["a", "a"]


def test_by_weights_they_take_turns_without_a_run_of_one() -> None:
    assert claims(Turns(parse_served("a:3,b:1")), {"a", "b"}, 8) == list("aabaaaba")


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_in_each_round_every_queue_has_as_many_turns_as_its_weight(weights: list[int]) -> None:
    names = tuple("abcdef"[: len(weights)])
    turns = Turns(Served(names, tuple(weights)))
    for _ in range(3):
        assert Counter(claims(turns, set(names), sum(weights))) == dict(zip(names, weights, strict=True))


def test_a_queue_that_was_empty_saves_no_turns_up() -> None:
    turns = Turns(parse_served("a:1,b:1"))
    claims(turns, {"a"}, 100)
    assert Counter(claims(turns, {"a", "b"}, 10)) == {"a": 5, "b": 5}
