"""The ids of jobs whose user named none."""

from __future__ import annotations

import time
from itertools import pairwise

from queuectl.ids import ALPHABET, EPOCH_MS, LENGTH, RANDOM_BITS, IdMaker
from queuectl.request import JobRequest, check_request


def milliseconds_of(id: str) -> int:
    number = 0
    for character in id:
        number = number * 32 + ALPHABET.index(character)
    return (number >> RANDOM_BITS) + EPOCH_MS


def test_ids_of_one_process_grow_and_none_comes_twice() -> None:
    new = IdMaker().new
    ids = [new() for _ in range(100_000)]
    assert all(earlier < later for earlier, later in pairwise(ids))


def test_an_id_is_thirteen_characters_that_the_grammar_of_ids_allows() -> None:
    id = IdMaker().new()
    assert len(id) == LENGTH == 13
    assert set(id) <= set(ALPHABET)
    assert check_request(JobRequest(id=id, command="true")).id == id


def test_an_id_begins_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = milliseconds_of(IdMaker().new())
    assert before <= made <= time.time_ns() // 1_000_000


def test_a_later_process_gets_a_larger_id() -> None:
    earlier = IdMaker().new()
    start = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == start:
        pass
    assert IdMaker().new() > earlier


def test_two_processes_do_not_make_the_same_ids() -> None:
    assert len({IdMaker().new() for _ in range(200)}) == 200


def test_the_alphabet_sorts_as_it_counts() -> None:
    assert list(ALPHABET) == sorted(set(ALPHABET))
    assert len(ALPHABET) == 32
