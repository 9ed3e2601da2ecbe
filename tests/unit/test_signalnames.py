"""How signals are written."""

from __future__ import annotations

import pytest

from queuectl.errors import InvalidInput
from queuectl.signalnames import parse_signal, signal_name


@pytest.mark.parametrize("text", ["USR1", "SIGUSR1", "usr1", "SigUsr1", "10", "010"])
def test_a_signal_has_a_name_with_sig_and_without_and_a_number(text: str) -> None:
    assert parse_signal(text) == 10


@pytest.mark.parametrize(("text", "number"), [("KILL", 9), ("TERM", 15), ("1", 1), ("64", 64), ("RTMIN", 34)])
def test_any_signal_that_a_command_may_make_something_of_is_taken(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize(
    ("text", "near"), [("USR3", "USR"), ("SIGTREM", "TERM"), ("hub", "HUP"), ("SIGKIL", "KILL"), ("INTR", "INT")]
)
def test_an_unknown_name_gets_the_nearest_one(text: str, near: str) -> None:
    with pytest.raises(InvalidInput, match=f'unknown signal "{text}"') as error:
        parse_signal(text)
    assert str(error.value.hint).startswith(f"did you mean: {near}")


@pytest.mark.parametrize("text", ["nonsense", "", "SIG", "-1", "1.5", "٣", "9999999"])
def test_what_is_like_no_signal_gets_examples(text: str) -> None:
    with pytest.raises(InvalidInput, match="unknown signal") as error:
        parse_signal(text)
    assert str(error.value.hint).startswith("for example: HUP")


@pytest.mark.parametrize("text", ["0", "65", "999"])
def test_a_number_of_no_signal_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"there is no signal {text}"):
        parse_signal(text)


@pytest.mark.parametrize("text", ["STOP", "SIGTSTP", "TTIN", "ttou", "19"])
def test_what_would_stop_a_job_behind_the_back_of_its_worker_leads_to_pause(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not sent to a job") as error:
        parse_signal(text)
    assert str(error.value.hint) == "to stop one: queuectl pause ID"


@pytest.mark.parametrize("text", ["CONT", "18"])
def test_what_would_let_a_paused_job_go_on_leads_to_resume(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not sent to a job") as error:
        parse_signal(text)
    assert str(error.value.hint).endswith("queuectl resume ID")


@pytest.mark.parametrize(("number", "name"), [(10, "USR1"), (9, "KILL"), (34, "RTMIN"), (40, "40")])
def test_a_signal_is_told_by_its_name_if_it_has_one(number: int, name: str) -> None:
    assert signal_name(number) == name
