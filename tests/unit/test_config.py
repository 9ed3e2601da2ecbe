"""The configuration: keys, values and where they come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.config import KEYS, NEVER, Settings, key_named, parse_integer, parse_number, resolve, settings
from queuectl.errors import InvalidInput


def test_every_default_is_allowed_and_means_what_the_design_says() -> None:
    assert settings({}, {}) == Settings(
        default_max_retries=3,
        default_timeout=None,
        backoff_base=2.0,
        backoff_max=3600.0,
        backoff_jitter=0.0,
        max_crashes=3,
        grace=10.0,
        log_cap=10 << 20,
        keep_completed=7 * 86400.0,
        keep_cancelled=7 * 86400.0,
        keep_dead=NEVER,
        lease=60.0,
    )


def test_every_key_has_a_place_in_the_settings_and_a_line_of_help() -> None:
    assert tuple(KEYS) == Settings._fields
    assert all(key.help for key in KEYS.values())


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("default_max_retries", "0", 0),
        ("default_max_retries", "1000", 1000),
        ("default_timeout", "30s", 30),
        ("default_timeout", "none", None),
        ("backoff_base", "1", 1),
        ("backoff_base", "1.5", 1.5),
        ("backoff_base", "1000", 1000),
        ("backoff_max", "0", 0),
        ("backoff_jitter", "1", 1),
        ("backoff_jitter", "0.25", 0.25),
        ("max_crashes", "1", 1),
        ("grace", "0", 0),
        ("log_cap", "64KiB", 65536),
        ("keep_completed", "30d", 30 * 86400),
        ("keep_cancelled", "forever", NEVER),
        ("keep_dead", "1w", 604800),
    ],
)
def test_a_key_takes_its_values(key: str, text: str, value: float | None) -> None:
    assert KEYS[key].parse(text) == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("default_max_retries", "-1"),
        ("default_max_retries", "1001"),
        ("default_max_retries", "abc"),
        ("default_max_retries", "3.0"),
        ("default_max_retries", "none"),
        ("default_timeout", "0"),
        ("default_timeout", "-5"),
        ("default_timeout", "inf"),
        ("default_timeout", "None"),
        ("backoff_base", "0"),
        ("backoff_base", "0.5"),
        ("backoff_base", "1e9"),
        ("backoff_base", "1001"),
        ("backoff_base", "-2"),
        ("backoff_base", "nan"),
        ("backoff_max", "forever"),
        ("backoff_max", "11000d"),
        ("backoff_jitter", "1.1"),
        ("backoff_jitter", "-0.1"),
        ("max_crashes", "0"),
        ("grace", "none"),
        ("log_cap", "10M"),
        ("log_cap", "1"),
        ("keep_completed", "none"),
        ("keep_cancelled", "week"),
        ("keep_dead", "never"),
        *((key, "") for key in KEYS),
    ],
)
def test_a_key_refuses_other_values(key: str, text: str) -> None:
    with pytest.raises(InvalidInput):
        KEYS[key].parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "-", "--1", "+1", " 5", "5\n", "1_000", "1e3", "٣", "²", "0x1", "1.0", "9" * 19, "9" * 5000, "-11", "11"],
)
def test_a_whole_number_is_ascii_digits_in_its_range(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a whole number from -10 to 10"):
        parse_integer(text, -10, 10)


@pytest.mark.parametrize(
    "text", ["", ".", ".5", "1.", "-1", "1e0", "inf", "nan", "٣", "1.٣", "1.2.3", "1" * 5000, "1." + "0" * 5000, "10.1"]
)
def test_a_number_is_plain_decimal_in_its_range(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a number from 0 to 10"):
        parse_number(text, 0, 10)


@given(st.text() | st.text("-0123456789."))
def test_any_text_is_a_number_or_invalid_input(text: str) -> None:
    for parse in (parse_integer, parse_number):
        try:
            assert -100 <= parse(text, -100, 100) <= 100
        except InvalidInput as error:
            assert error.message.isprintable()  # noqa: PT017  a number is fine, too


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("grace", "grace"),
        ("keep-completed", "keep_completed"),
        ("default-max-retries", "default_max_retries"),
        ("max_retries", "default_max_retries"),
        ("max-retries", "default_max_retries"),
    ],
)
def test_a_key_is_found_with_hyphens_and_by_its_short_name(typed: str, name: str) -> None:
    assert key_named(typed).name == name


def test_a_mistyped_key_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidInput, match='no configuration key "graec"') as error:
        key_named("graec")
    assert error.value.hint == "did you mean: grace"


@pytest.mark.parametrize("name", ["", "=", "x" * 100_000])
def test_an_unknown_key_is_answered_with_all_keys(name: str) -> None:
    with pytest.raises(InvalidInput, match="no configuration key") as error:
        key_named(name)
    assert all(key in (error.value.hint or "") for key in KEYS)
    assert len(error.value.message) < 100


def test_the_environment_wins_over_the_store_and_the_store_over_the_default() -> None:
    stored = {"grace": "5s", "log_cap": "1MiB"}
    found = resolve(stored, {"QUEUECTL_GRACE": "3s"})
    assert found["grace"] == ("3s", "environment")
    assert found["log_cap"] == ("1MiB", "store")
    assert found["max_crashes"] == ("3", "default")
    assert settings(stored, {"QUEUECTL_GRACE": "3s"}).grace == 3


def test_an_empty_variable_is_not_set() -> None:
    assert resolve({"grace": "5s"}, {"QUEUECTL_GRACE": ""})["grace"] == ("5s", "store")


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(InvalidInput, match=r'^QUEUECTL_BACKOFF_BASE: "x" is not a number'):
        settings({}, {"QUEUECTL_BACKOFF_BASE": "x"})


def test_a_bad_stored_value_is_named() -> None:
    with pytest.raises(InvalidInput, match=r'^grace: "x" is not a duration'):
        settings({"grace": "x"}, {})
