"""The URL of a store: what others may see of it."""

from __future__ import annotations

import pytest

from queuectl.storeurl import is_known, unknown_parameter, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://h/q", "postgresql://h/q"),
        ("postgresql://u:s@h:1/q", "postgresql://u@h:1/q"),
        ("postgresql://u:s@h1:1,h2:2/q?sslmode=require", "postgresql://u@h1:1,h2:2/q?sslmode=require"),
        ("postgresql://u@h/q?password=s&sslmode=require", "postgresql://u@h/q?sslmode=require"),
        ("postgresql://u@h/q?password=s", "postgresql://u@h/q"),
        ("postgresql://u@h/q?pass%77ord=s", "postgresql://u@h/q"),
        ("postgresql://u@h/q?scram_client_key=s&sslkey=/path", "postgresql://u@h/q?sslkey=/path"),
        ("postgresql://u@h/q?passwrd=s", "postgresql://u@h/q"),
        # An @ that belongs to a parameter.
        ("postgresql://u:s@h:1/q?application_name=a@b", "postgresql://u@h:1/q?application_name=a@b"),
        ("postgresql://h:1/q?user=jobs@server", "postgresql://h:1/q?user=jobs@server"),
        # Passwords written as they must not be.
        ("postgresql://u:s@s@h/q", "postgresql://u@h/q"),
        ("postgresql://u:s/s@h/q", "postgresql://u@h/q"),
        ("postgresql://u:s?s@h/q", "postgresql://u@h/q"),
        ("postgresql://u:s@s/s?s@h/q", "postgresql://u@h/q"),
    ],
)
def test_a_url_is_shown_without_what_is_secret(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_parameter_that_means_nothing_is_found() -> None:
    assert unknown_parameter("postgresql://h/q?sslmode=require&passwrd=s") == "passwrd"
    assert unknown_parameter("postgresql://h/q?sslmode=require&password=s") is None
    assert unknown_parameter("postgresql://h/q") is None


def test_the_schemes_of_postgresql_are_known() -> None:
    assert is_known("postgresql://h/q")
    assert is_known("postgres://h/q")
    assert not is_known("mysql://h/q")
    assert not is_known("postgresql")
