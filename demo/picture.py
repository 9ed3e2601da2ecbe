"""Turns what a terminal has shown into a picture: reads its bytes on stdin, writes an SVG to stdout.

    COLUMNS=100 script -qec 'make demo' /dev/null </dev/null >run.txt
    python demo/picture.py --text <run.txt                # numbered, to choose what to leave out
    python demo/picture.py --omit 23-43 --omit 51-62 <run.txt >docs/images/demo.svg

Knows what queuectl and its demo write: lines, a line written anew, bold, dim, colours; anything else is an error.
The picture follows the reader's light or dark mode and refers to nothing outside of itself.
"""

from __future__ import annotations

import argparse
import re
import sys
from html import escape
from itertools import groupby
from typing import NamedTuple

FONT_SIZE = 14
CELL_WIDTH = 8.43
"""Of a character, in the units of the picture: 0.602 of the size in most fixed-width fonts; in others it is fitted."""
LINE_HEIGHT = 19
MARGIN = 18

PIECES = re.compile(r"\x1b\[([0-9;]*)m|(\r\x1b\[K)|(\r?\n)|([^\x00-\x1f\x7f]+)|(.)", re.DOTALL)
WORDS = re.compile(r"\S+(?: \S+)*")
CLASSES = {"1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow", "34": "blue", "36": "cyan"}
"""Classes of the style sheet by SGR code."""

STYLE = f"""
text {{ font: {FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
text {{ fill: #1f2328; }}
.paper {{ fill: #f6f8fa; stroke: #d1d9e0; }}
.bold {{ font-weight: bold; }} .dim {{ fill: #656d76; }}
.red {{ fill: #b42318; }} .green {{ fill: #18794e; }} .yellow {{ fill: #8a5a00; }} .blue {{ fill: #0550ae; }}
.cyan {{ fill: #0b6b80; }}
@media (prefers-color-scheme: dark) {{
  text {{ fill: #e6edf3; }}
  .paper {{ fill: #0d1117; stroke: #30363d; }}
  .dim {{ fill: #8d96a0; }}
  .red {{ fill: #ff7b72; }} .green {{ fill: #56d364; }} .yellow {{ fill: #e3b341; }} .blue {{ fill: #79c0ff; }}
  .cyan {{ fill: #76e3ea; }}
}}"""


class Cell(NamedTuple):
    """One character of the terminal."""

    char: str
    classes: str


Line = list[Cell]


def lines_of(shown: str) -> list[Line]:
    """Return what stands on the terminal at the end.

    Raises:
        ValueError: it does something that is not known here.
    """
    lines: list[Line] = [[]]
    classes: list[str] = []
    for style, anew, end, text, unknown in PIECES.findall(shown):
        if unknown:
            raise ValueError(f"cannot draw {unknown!r}")
        if anew:
            lines[-1].clear()
        elif end:
            lines.append([])
        elif text:
            lines[-1] += (Cell(char, " ".join(classes)) for char in text)
        else:
            for code in style.split(";"):
                classes = [] if code in ("", "0") else [*classes, CLASSES[code]]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def omit(lines: list[Line], ranges: list[tuple[int, int]]) -> list[Line]:
    """Replace ranges of lines, counted from 1, by one that says how many they were."""
    kept: list[Line] = []
    for number, line in enumerate(lines, 1):
        inside = next(((first, last) for first, last in ranges if first <= number <= last), None)
        if inside is None:
            kept.append(line)
        elif number == inside[0]:
            count = inside[1] - inside[0] + 1
            kept.append([Cell(char, "dim") for char in f"... {count} more line{'' if count == 1 else 's'}"])
    return kept


def picture(lines: list[Line], title: str) -> str:
    """Return the SVG."""
    width = round(2 * MARGIN + CELL_WIDTH * max(map(len, lines)))
    height = 2 * MARGIN + LINE_HEIGHT * len(lines)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}\n</style>",
            f'<rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
            *(text for row, line in enumerate(lines) if (text := _text(line, MARGIN + LINE_HEIGHT * row + FONT_SIZE))),
            "</svg>",
        )
    )


def _text(line: Line, baseline: int) -> str:
    """Return a line; each word, or words with one space between, begins where it stands on the terminal."""
    pieces = []
    column = 0
    for classes, cells in groupby(line, key=lambda cell: cell.classes):
        run = "".join(cell.char for cell in cells)
        style = f' class="{classes}"' if classes else ""
        for words in WORDS.finditer(run):
            where = f'x="{MARGIN + CELL_WIDTH * (column + words.start()):.1f}"'
            length = f'textLength="{CELL_WIDTH * len(words[0]):.1f}" lengthAdjust="spacingAndGlyphs"'
            pieces.append(f"<tspan {where} {length}{style}>{escape(words[0], quote=False)}</tspan>")
        column += len(run)
    return f'<text y="{baseline}">{"".join(pieces)}</text>' if pieces else ""


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--omit", metavar="A-B", type=_range, action="append", default=[], help="leave these lines out")
    parser.add_argument("--title", default="A run of make demo", help="what the picture shows, for those who hear it")
    parser.add_argument("--text", action="store_true", help="write the numbered lines, not the picture")
    options = parser.parse_args()
    lines = lines_of(sys.stdin.buffer.read().decode())
    if options.text:
        for number, line in enumerate(lines, 1):
            print(f"{number:4} {''.join(cell.char for cell in line)}")
    else:
        print(picture(omit(lines, options.omit), options.title))


if __name__ == "__main__":
    main()
