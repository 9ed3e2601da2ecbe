"""The wait between a failure and the next attempt."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.backoff import backoff

bases = st.floats(1, 1000)
limits = st.floats(0, 1e9)
failure_numbers = st.integers(1, 20_000)


@pytest.mark.parametrize(("failures", "delay"), [(1, 2), (2, 4), (3, 8), (11, 2048), (12, 3600), (10_000, 3600)])
def test_the_defaults_wait_two_four_eight_seconds_and_never_more_than_an_hour(failures: int, delay: float) -> None:
    assert backoff(failures, 2.0, 3600.0, 0.0, 0.0) == delay


def test_a_base_of_one_always_waits_one_second() -> None:
    assert [backoff(failures, 1.0, 3600.0, 0.0, 0.0) for failures in (1, 2, 10_000)] == [1, 1, 1]


@given(failure_numbers, bases, limits)
def test_a_later_failure_never_waits_less(failures: int, base: float, longest: float) -> None:
    first = backoff(failures, base, longest, 0.0, 0.0)
    assert first <= backoff(failures + 1, base, longest, 0.0, 0.0)


@given(failure_numbers | st.just(10**400), bases, limits)
def test_no_wait_is_longer_than_the_limit_or_overflows(failures: int, base: float, longest: float) -> None:
    delay = backoff(failures, base, longest, 0.0, 0.0)
    assert math.isfinite(delay)
    assert 0 <= delay <= longest


@given(failure_numbers, bases, limits, st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_jitter_adds_at_most_its_share(failures: int, base: float, longest: float, jitter: float, share: float) -> None:
    plain = backoff(failures, base, longest, 0.0, share)
    assert plain <= backoff(failures, base, longest, jitter, share) <= plain * (1 + jitter)


def test_jitter_spreads_with_the_random_share() -> None:
    assert [backoff(3, 2.0, 3600.0, 0.5, share) for share in (0.0, 0.5)] == [8.0, 10.0]
