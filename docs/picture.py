"""Draw docs/images/demo.svg: what ``everyword demo`` writes in a terminal.

``python docs/picture.py`` runs the demo (about two minutes) in a folder of its own; ``--log FILE`` draws what was written before,
``--keep FILE`` writes down what the demo wrote.  The folder's path is shown as ``~/everyword``, and ``…`` stands where
steps were left out; nothing else is changed.
"""

import argparse
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "demo.svg"
COLUMNS = 120
SHOWN_AS = "~/everyword"

STEPS = ("1", "2", "3", "6", "times")
"""What the picture shows: recording, transcribing, one search, verifying, and how long each took."""


def main() -> int:
    """Run, or read the log; draw; the demo's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    code, written = (0, options.log.read_text(encoding="utf-8")) if options.log else run_demo()
    if options.keep:
        options.keep.write_text(written, encoding="utf-8")
    if code:
        print(written)
        return code
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(written), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)} written")
    return 0


def run_demo() -> tuple[int, str]:
    """The demo's exit code and everything it wrote, with the terminal's codes, in a terminal `COLUMNS` wide."""
    with tempfile.TemporaryDirectory(prefix="everyword-picture-") as folder:
        ours, theirs = pty.openpty()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("EVERYWORD_")},
            "COLUMNS": str(COLUMNS),
            "LINES": "50",
            "TERM": "xterm-256color",
            "EVERYWORD_OPERATOR": "anna",
        }
        command = [sys.executable, "-P", "-m", "everyword", "demo"]
        with subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as demo:
            os.close(theirs)
            written = _read_all(ours)
        return demo.returncode, _settled(written).replace(str(Path(folder).resolve()), SHOWN_AS)


def picture(written: str) -> str:
    """What was written, as an SVG of a terminal."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ make demo", style="bold"))
    for line in _shortened(written.splitlines()):
        console.print(Text.from_ansi(line), soft_wrap=False)
    drawn = console.export_svg(title="everyword", unique_id="demo")
    return re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)  # a picture must not fetch fonts from anywhere


def _shortened(lines: list[str]) -> Iterator[str]:
    """The steps in `STEPS`, the times, and nothing of the rest but a mark where something was left out."""
    step, is_left_out = "", False
    for line in lines:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
        heading = re.fullmatch(r"(\d+)\. \w+", plain)
        if heading:
            step = heading[1]
        elif plain.startswith("session  "):
            step = "places"
        elif plain.startswith("record  "):
            step = "times"
        wanted = step in STEPS and plain.strip()
        if wanted and is_left_out:
            yield "…"
        if wanted:
            yield line
        is_left_out = bool(plain.strip() and not wanted) or (is_left_out and not wanted)


def _read_all(descriptor: int) -> str:
    pieces = []
    while True:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # how a terminal says that nobody writes to it any more
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(descriptor)
    return b"".join(pieces).decode("utf-8", "replace")


def _settled(written: str) -> str:
    """What stays on the screen: moving pictures are drawn, wiped out and drawn again."""
    lines = [""]
    row = 0
    for code, text in re.findall(r"(\x1b\[[0-9;?]*[A-Za-z]|\r|\n)|([^\x1b\r\n]+|\x1b)", written):
        if code == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif code.endswith("A"):
            row = max(0, row - int(code[2:-1] or 1))
        elif code.endswith("K"):
            lines[row] = ""
        elif code.endswith("m"):
            lines[row] += code
        elif text:
            lines[row] += text
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
