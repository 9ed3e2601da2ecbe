"""The documentation names everything that there is, nothing else, and its links lead somewhere."""

from __future__ import annotations

import importlib
import itertools
import re
import shlex
from pathlib import Path

import pytest

from queuectl import errors
from queuectl.cli import main, told, topics
from queuectl.cli.parser import Parser
from queuectl.cli.table import COMMANDS, load
from queuectl.cli.words import take_apart
from queuectl.config import KEYS
from queuectl.job import Outcome, State

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SOURCES = sorted(ROOT.glob("src/**/*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
READING_PATH = ("cli/enqueue.py", "queue.py", "worker/loop.py", "worker/runner.py", "lifecycle.py")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def cells(name: str) -> list[list[str]]:
    """Return the rows of all tables of a document."""
    lines = [line for line in read(name).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def headings(path: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_setting_is_documented_with_its_default() -> None:
    rows = {row[0]: row[1] for row in cells("docs/reference/settings.md")}
    assert {f"`{name}`": f"`{key.default}`" for name, key in KEYS.items()}.items() <= rows.items()


def test_every_exit_code_is_documented() -> None:
    rows = [row[:2] for row in cells("docs/reference/exit-codes.md")]
    kinds = {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.QueuectlError)
    }
    for kind in kinds:
        assert [str(kind.exit_code), f"`{kind.code}`"] in rows
    codes = {row[0] for row in rows}
    assert {str(main.INTERRUPTED), str(main.FAILED), str(told.TIMED_OUT), f"{told.SIGNALLED} + N"} <= codes
    assert all(re.search(rf"^ +{kind.exit_code} ", topics.EXIT_CODES, re.MULTILINE) for kind in kinds)


@pytest.mark.parametrize("word", [*State, *Outcome])
def test_every_state_and_outcome_is_documented(word: str) -> None:
    assert f"`{word}`" in read("docs/glossary.md")
    if word in list(State):
        assert f"| `{word}` |" in read("docs/quickstart.md")


def test_exactly_the_environment_variables_of_the_code_are_documented() -> None:
    in_code = {name for path in SOURCES for name in re.findall(r"\bQUEUECTL_[A-Z_]+[A-Z]\b", path.read_text("utf-8"))}
    documented = set(re.findall(r"\bQUEUECTL_[A-Z_]+[A-Z]\b", read("docs/reference/environment.md")))
    assert documented == in_code | {f"QUEUECTL_{name.upper()}" for name in KEYS}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    for link in LINK.findall(FENCED.sub("", read(name))):
        target, _, anchor = link.partition("#")
        found = path.parent / target if target else path
        assert found.exists(), link
        assert not anchor or anchor in headings(found), link


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        path = todo.pop().resolve()
        if path in reached or not path.exists():
            continue
        reached.add(path)
        if path.is_dir():
            todo += path.iterdir()
        elif path.suffix == ".md":
            todo += [path.parent / link.partition("#")[0] for link in LINK.findall(path.read_text("utf-8"))]
    assert set(DOCUMENTS) <= reached


def test_documents_that_the_code_names_exist() -> None:
    named = {name for path in SOURCES for name in re.findall(r"\bdocs/[\w./-]+\.md\b", path.read_text("utf-8"))}
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_document_names_no_host(name: str) -> None:
    """Addresses die, and a name that is looked up by hand is another project's."""
    assert re.findall(r"\b(?!postgresql:)\w+://(?!\.)\S+|\b[\w-]+\.(?:org|com|io|net)\b", read(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_in_a_document_exist(name: str) -> None:
    for block in FENCED.findall(read(name)):
        for line in block.splitlines():
            command = line.strip().removeprefix("$ ")
            if command.startswith("queuectl ") and "usage:" not in command:
                assert_command(command)


def assert_command(line: str) -> None:
    """Check that a line of shell calls a command that there is, with options that it has."""
    code = re.split(r"\s\s|\s#", line)[0]
    words = itertools.takewhile(
        lambda word: word[0] not in "();<>|&", shlex.shlex(code, posix=True, punctuation_chars=True)
    )
    found = take_apart(list(words)[1:])
    if not found.name:
        return
    parser = Parser(found.name)
    load(found.command)[0](parser)
    parser.add_global_options()
    known = {*parser.spellings(), "--version"}
    assert [word for word in found.options if word.startswith("-") and word.partition("=")[0] not in known] == [], line


def test_every_command_is_in_a_page_for_users() -> None:
    text = "".join(map(read, ("docs/quickstart.md", "docs/operating.md", "docs/schedules.md", "docs/dependencies.md")))
    missing = [c.name for c in COMMANDS if c.section and f"queuectl {c.name}" not in text]
    assert missing == []


def test_the_reading_path_leads_from_file_to_file() -> None:
    for here, after in itertools.pairwise(READING_PATH):
        module = "queuectl." + here.removesuffix(".py").replace("/", ".")
        assert f"the next is {after}" in (importlib.import_module(module).__doc__ or "")


def test_the_reading_path_is_in_contributing() -> None:
    text = read("CONTRIBUTING.md")
    positions = [text.index(f"src/queuectl/{name}") for name in READING_PATH]
    assert positions == sorted(positions)
