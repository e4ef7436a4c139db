"""Write what can be read off the program: the command reference, and the tables in the other reference pages.

``python docs/generate.py`` writes; with ``--check`` it only names the pages that are stale and ends with 1.
"""

import dataclasses
import importlib
import os
import pkgutil
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

# Plain help of a fixed width, on every computer the same; typer reads this when it is imported.
os.environ |= {"TYPER_USE_RICH": "0", "NO_COLOR": "1", "COLUMNS": "100", "LINES": "50"}
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import typer.main  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

import archive  # noqa: E402
import cli  # noqa: E402
import desk  # noqa: E402
import everyword  # noqa: E402
import recorder  # noqa: E402
import transcribe  # noqa: E402
from archive.index import tables  # noqa: E402
from archive.index.schema import open_archive  # noqa: E402
from everyword import config  # noqa: E402
from everyword.config import Settings  # noqa: E402
from everyword.errors import EverywordError  # noqa: E402

REFERENCE = ROOT / "docs" / "reference"
PACKAGES = (everyword, recorder, transcribe, archive, desk)

CLI_HEAD = """\
# Command line

<!-- Written by docs/generate.py; do not edit. -->

Every command, as `--help` shows it. Data goes to stdout, progress and words to stderr.
Exit codes: [exit-codes.md](exit-codes.md). JSON answers: [json.md](json.md).
Settings behind the options: [configuration.md](configuration.md).

`SESSION` is a path, an id, or the beginning of an id or of a folder's name, as long as it fits one session only.
`--quiet` stands before the command: `everyword --quiet verify SESSION`.
"""

_UNSAID = {
    "home": "the platform's data folder; on Linux `~/.local/share/everyword`",
    "sessions": "`sessions` in `home`",
    "operator": "your login name",
}
"""Defaults that differ from computer to computer."""


def main() -> int:
    """Write or check every page; the exit code."""
    wanted = pages()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is stale: run `make docs`")
        else:
            path.write_text(wanted[path], encoding="utf-8")
            print(f"{path.relative_to(ROOT)} written")
    return int(bool(stale) and "--check" in sys.argv)


def pages() -> dict[Path, str]:
    """Path → the text it should have."""
    result = {REFERENCE / "cli.md": command_reference()}
    for name, mark, table in (
        ("exit-codes.md", "errors", errors_table()),
        ("configuration.md", "settings", settings_table()),
        ("environment.md", "settings", variables_table()),
        ("archive-schema.md", "tables", archive_tables()),
    ):
        path = REFERENCE / name
        result[path] = between_marks(path.read_text(encoding="utf-8"), mark, table)
    return result


def between_marks(page: str, mark: str, table: str) -> str:
    """`page` with `table` between ``<!-- generated: MARK -->`` and ``<!-- end -->``."""
    pattern = re.compile(rf"(<!-- generated: {mark} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"a page has no place for the table {mark!r}")
    return pattern.sub(lambda found: f"{found[1]}{table}{found[2]}", page)


def command_reference() -> str:
    """Every command's help, in the order of the program's own list."""
    parts = [CLI_HEAD]
    for words in (["everyword"], *(["everyword", *path] for path in command_paths())):
        shown = CliRunner().invoke(cli.app, [*words[1:], "--help"], prog_name="everyword", catch_exceptions=False)
        text = "\n".join(line.rstrip() for line in shown.stdout.splitlines())
        parts.append(f"## {' '.join(words)}\n\n```\n{text}\n```\n")
    return "\n".join(parts)


def command_paths() -> Iterator[list[str]]:
    """``["search"]``, ``["models", "list"]``, …: groups before what is in them."""
    todo = [([name], command) for name, command in typer.main.get_command(cli.app).commands.items()]  # type: ignore[attr-defined]
    while todo:
        path, command = todo.pop(0)
        yield path
        inner = getattr(command, "commands", {})
        todo = [([*path, name], one) for name, one in inner.items()] + todo


def error_classes() -> list[type[EverywordError]]:
    """Every error of the program, by exit code and code."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return sorted(_family(EverywordError), key=lambda kind: (kind.exit_code, kind.code))


def errors_table() -> str:
    """Code, exit code and meaning of every error."""
    rows = [(f"`{kind.code}`", str(kind.exit_code), (kind.__doc__ or "").splitlines()[0]) for kind in error_classes()]
    return _table(("code", "exit code", "meaning"), rows)


def settings_table() -> str:
    """Every setting for ``config.toml``."""
    rows = [(f"`{one.name}`", one.metadata["help"], _default(one.name)) for one in dataclasses.fields(Settings)]
    return _table(("key", "meaning", "default"), rows)


def variables_table() -> str:
    """Every ``EVERYWORD_*`` variable."""
    rows = [(f"`{config.variable(one.name)}`", one.metadata["help"]) for one in dataclasses.fields(Settings)]
    return _table(("variable", "meaning"), rows)


def archive_tables() -> str:
    """Every table and view of a new archive database; the notes are those of `archive.index.tables`."""
    notes: dict[tuple[str, str], str] = {}
    about: dict[str, str] = {}
    for head, name, body in re.findall(r"^-- ([^\n]*)\nCREATE TABLE (\w+) \(\n(.*?)^\)", tables.TABLES, re.DOTALL | re.MULTILINE):
        about[name] = head
        notes |= {(name, column): note for column, note in re.findall(r"^    (\w+) .*?(?:  -- (.*))?$", body, re.MULTILINE)}
    with tempfile.TemporaryDirectory() as folder, open_archive(Path(folder) / "archive.db") as db:
        kinds = db.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
        columns = {name: db.execute("SELECT name, type FROM pragma_table_info(?)", [name]).fetchall() for name, _ in kinds}
    parts = []
    for name, kind in kinds:
        if not name.startswith(("utterances_fts_", "_sqlite")):
            rows = [(f"`{column}`", type_.lower(), notes.get((name, column), "")) for column, type_ in columns[name]]
            parts.append(f"### `{name}`{' (view)' * (kind == 'view')}\n\n{about.get(name, ABOUT.get(name, ''))}\n\n")
            parts.append(_table(("column", "type", ""), rows) + "\n")
    return "".join(parts)


ABOUT = {
    "transcript": "One flat row an utterance, for reading.",
    "searched": "What the full-text index is made of.",
    "utterances_fts": "FTS5 over the view `searched`. `spelling` finds words as they stand, `forms` their dictionary forms, "
    "`speaker` an `s` and the number of a row of `speakers`.",
}
"""What a view and the index are for."""


def _default(name: str) -> str:
    if name in _UNSAID:
        return _UNSAID[name]
    value = getattr(config.load({"EVERYWORD_HOME": "/nowhere"}).settings, name)
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def _family(kind: type[EverywordError]) -> list[type[EverywordError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in _family(child))]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    sys.exit(main())
