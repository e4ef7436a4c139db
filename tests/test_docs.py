"""The documentation says what the program does: pages are generated, compared with the code, or recomputed."""

import dataclasses
import hashlib
import hmac
import json
import re
import shlex
import struct
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from typer.testing import CliRunner

import cli
from everyword import config, errors, folder, merkle, model, segment
from everyword.errors import EverywordError
from recorder.detection import health
from tests.helpers import a_session, tone

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
SOURCES = sorted(
    path for name in ("everyword", "recorder", "transcribe", "archive", "desk") for path in (ROOT / name).rglob("*.py")
)
ALARMS_PAGE = (REFERENCE / "alarms.md").read_text(encoding="utf-8")
FORMAT_PAGE = (REFERENCE / "session-format.md").read_text(encoding="utf-8")
JSON_PAGE = (REFERENCE / "json.md").read_text(encoding="utf-8")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# Commands and options


@cache
def _commands() -> dict[tuple[str, ...], Any]:
    """Every command and group by the words that call it; the program itself is ``()``."""
    found: dict[tuple[str, ...], Any] = {(): typer.main.get_command(cli.app)}
    todo = [()]
    while todo:
        path: tuple[str, ...] = todo.pop()
        for name, command in getattr(found[path], "commands", {}).items():
            found[*path, name] = command
            todo.append((*path, name))
    return found


def test_the_generated_pages_are_fresh() -> None:
    done = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout), done.stderr


def test_every_command_has_help() -> None:
    assert [] == [path for path, command in _commands().items() if not (command.help or "").strip()]


def test_every_option_and_argument_has_help() -> None:
    lacking = [
        (*path, parameter.name)
        for path, command in _commands().items()
        for parameter in command.params
        if not (getattr(parameter, "help", None) or "").strip()
    ]
    assert [] == lacking


def test_every_help_text_begins_with_a_capital_and_ends_with_a_full_stop() -> None:
    texts = {path: command.help.split("\n\n")[0] for path, command in _commands().items() if path}
    texts |= {
        (*path, p.name): p.help for path, command in _commands().items() for p in command.params if getattr(p, "help", None)
    }
    ours = {path: text for path, text in texts.items() if path not in {("install_completion",), ("show_completion",)}}
    assert [] == [path for path, text in ours.items() if not text.strip().endswith(".")]


def test_every_command_is_used_in_a_page_written_by_hand() -> None:
    prose = "\n".join(_text(path) for path in PAGES if path != REFERENCE / "cli.md")
    unused = [
        path
        for path, command in _commands().items()
        if not hasattr(command, "commands") and f"everyword {' '.join(path)}" not in prose
    ]
    assert [] == unused


def _shown_commands(page: str) -> Iterator[tuple[bool, str]]:
    """(whole, command line) of every ``everyword …`` in a page; whole ones stand in a block, others in a sentence."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    for kind, block in blocks:
        if kind not in ("sh", "console"):
            continue
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            plain = line.removeprefix("$ ").strip()
            if plain.startswith("everyword ") and (kind == "sh" or line.startswith("$ ")):
                yield True, plain
    sentences = re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)
    yield from ((False, found) for found in re.findall(r"`(everyword [^`]+)`", sentences.replace("\n", " ")))


def _words(line: str) -> list[str]:
    """The words of one command of a shell line, without ``everyword`` itself."""
    words = shlex.split(line, comments=True)[1:]
    ends = [place for place, word in enumerate(words) if word in ("|", ">", "&&", ";", "&", "2>")]
    return words[: ends[0]] if ends else words


def _wrong_with(line: str, *, whole: bool) -> str:
    """What is wrong with a command line shown in a page, or nothing."""
    words = _words(line)
    path: tuple[str, ...] = ()
    options = set[str]()
    for word in words:
        options |= {option for parameter in _commands()[path].params for option in parameter.opts} | {"--help", "-h"}
        if (*path, word) in _commands():
            path = (*path, word)
        elif not word.startswith("-"):
            break
    command = _commands()[path]
    if hasattr(command, "commands") and not any(word.startswith("-") for word in words):
        return "" if not whole and path else "no such command"
    options |= {option for parameter in command.params for option in parameter.opts}
    unknown = [word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word) and word not in options]
    if unknown:
        return f"unknown options {unknown}"
    if whole and path:
        given = words[words.index(path[-1]) + 1 :]
        try:
            command.make_context(path[-1], list(given))
        except Exception as error:  # noqa: BLE001  (typer's own, which it does not name publicly)
            return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_line_in_the_pages_can_be_typed(page: Path) -> None:
    wrong = {line: _wrong_with(line, whole=whole) for whole, line in _shown_commands(_text(page))}
    assert {} == {line: what for line, what in wrong.items() if what}


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("everyword serach word", True),
        ("everyword search word --speeker A", True),
        ("everyword search word --speeker A", False),
        ("everyword search", True),
        ("everyword models fetch base", True),
        ("everyword search word --limit many", True),
    ],
)
def test_a_command_line_that_cannot_be_typed_is_noticed(line: str, whole: bool) -> None:
    assert _wrong_with(line, whole=whole)


# Links


def _anchors(page: str) -> set[str]:
    """The anchors GitHub makes of headings."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", _text(page))
    broken = []
    for target in (first or second for first, second in targets):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in _anchors(_text(there))):
            broken.append(target)
    assert [] == broken


# Words that promise too much, and places that are nobody's business


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_page_promises_what_no_program_can(page: Path) -> None:
    promise = r"\bofficial|court.certified|\bguaranteed|100 ?% accura|\bnotari[sz]ed|tamper.?proof|military.grade"
    assert [] == re.findall(promise, _text(page), re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_page_names_a_folder_of_the_computer_it_was_written_on(page: Path) -> None:
    assert str(ROOT) not in _text(page)


# Exit codes, errors, settings, variables


def test_every_exit_code_is_in_the_table() -> None:
    listed = {int(number) for number in re.findall(r"^\| (\d+) \|", _text(REFERENCE / "exit-codes.md"), re.MULTILINE)}
    constants = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    assert constants | {kind.exit_code for kind in _family(EverywordError)} == listed


def test_every_error_says_what_it_means() -> None:
    assert [] == [kind.__name__ for kind in _family(EverywordError) if not (kind.__doc__ or "").strip()]


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in _family(EverywordError)]
    assert sorted(set(codes)) == sorted(codes)


def test_every_setting_is_documented_and_explained() -> None:
    page = _text(REFERENCE / "configuration.md") + _text(REFERENCE / "environment.md")
    for setting in dataclasses.fields(config.Settings):
        assert setting.metadata["help"]
        assert f"`{setting.name}`" in page
        assert f"`{config.variable(setting.name)}`" in page


def test_every_variable_the_program_reads_is_documented() -> None:
    page = _text(REFERENCE / "environment.md")
    pattern = r"environ(?:\.get\(|\[)\s*\"([A-Z_]+)\"|getenv\(\"([A-Z_]+)\""
    read = {name for path in SOURCES for match in re.findall(pattern, _text(path)) for name in match if name}
    assert set() == {name for name in read if f"`{name}`" not in page}


def _room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def _family(kind: type[EverywordError]) -> list[type[EverywordError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in _family(child))]


# The session folder


def test_every_kind_of_journal_and_ledger_line_is_described() -> None:
    patterns = [r"\bappend(?:_about)?\(\s*(?:self\.folder,|folder,)?\s*\"([a-z.]+)\",", r"case \"([a-z.]+)\":"]
    files = [path for path in SOURCES if _room(path) in ("recorder", "everyword") or path.name == "corrections.py"]
    kinds = {kind for path in files for pattern in patterns for kind in re.findall(pattern, _text(path))}
    assert {"begin", "stream", "leaf", "segment", "gap", "stop", "ledger", "asr.run", "adopt", "correct"} <= kinds
    assert set() == {kind for kind in kinds if f"**`{kind}`**" not in FORMAT_PAGE}


def _codes_of_alarms() -> set[str]:
    """The codes of events and states in the source; `health` has its own as a type, and a path's ends in its number."""
    text = "".join(_text(path) for path in SOURCES if _room(path) == "recorder")
    told = r"(?:\.alarm|\.state|self\._state|_report_state)\(\s*\"([a-z-]+)\"|\"code\": \"([a-z-]+)\""
    return {code for match in re.findall(told, text) for code in match if code} | set(get_args(health.State))


def test_every_code_of_an_alarm_or_a_state_is_described() -> None:
    codes = _codes_of_alarms()
    assert {"sound-missing", "decoder", "silent", "stalled", "late"} <= codes
    assert set() == {code for code in codes if f"`{code}`" not in ALARMS_PAGE}


@pytest.mark.parametrize("path", [path for path in SOURCES if _room(path) == "recorder"], ids=_name)
def test_every_cause_of_a_gap_is_described(path: Path) -> None:
    assert [] == [cause for cause in re.findall(r"cause=\"([a-z-]+)\"", _text(path)) if f"`{cause}`" not in FORMAT_PAGE]


SERIALISED = [
    model.Speaker,
    model.Input,
    model.Session,
    model.Stream,
    model.Anchor,
    model.AudioSegment,
    model.Gap,
    model.Alarm,
    model.Word,
    model.Utterance,
    model.Span,
    model.Run,
]


@pytest.mark.parametrize("kind", SERIALISED, ids=lambda kind: kind.__name__)
def test_every_field_that_is_written_down_is_described(kind: type) -> None:
    assert [] == [field.name for field in dataclasses.fields(kind) if f"`{field.name}`" not in FORMAT_PAGE]


def test_every_field_of_a_note_and_of_a_correction_is_described() -> None:
    in_the_line = {"at_us": "at", "seq": "seq"}  # of the chain itself
    names = {field.name for kind in (model.Note, model.Correction) for field in dataclasses.fields(kind)}
    assert set() == {name for name in names if f"`{in_the_line.get(name, name)}`" not in FORMAT_PAGE}


def test_every_state_of_the_coverage_is_described() -> None:
    assert [] == [state for state in model.State.__args__ if f"| `{state}` |" not in FORMAT_PAGE]  # type: ignore[attr-defined]


def test_every_flag_is_described() -> None:
    checks = _text(ROOT / "transcribe" / "evidence" / "checks.py")
    assert [] == [
        flag for flag in re.findall(r"^[A-Z_]+ = \"([a-z-]+)\"", checks, re.MULTILINE) if f"| `{flag}` |" not in FORMAT_PAGE
    ]


def test_every_file_name_of_the_folder_is_described() -> None:
    some = folder.SessionFolder(Path("/s"))
    names = {
        getattr(some, name).name
        for name, kind in vars(folder.SessionFolder).items()
        if isinstance(kind, property) and name != "is_sealed"
    }
    names |= set(re.findall(r"\"([a-z]+\.jsonl?)\"", _text(ROOT / "everyword" / "run.py"))) | {".reserve", "README.txt"}
    assert set() == {name for name in names if f"`{name}`" not in FORMAT_PAGE and f"`{name}/" not in FORMAT_PAGE}


def _fields(page: str) -> set[str]:
    """The names in the first column of a page's tables."""
    return {name for cell in re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}


def _of_kind(kind: str) -> set[str]:
    """The fields the page gives to a kind of journal or ledger line."""
    found = re.search(rf"^\*\*`{kind}`\*\*.*?\n\n(\|.*?)\n\n", FORMAT_PAGE, re.DOTALL | re.MULTILINE)
    assert found, kind
    return _fields(found[1])


def _of_section(heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", FORMAT_PAGE, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


@pytest.fixture
def recorded(tmp_path: Path) -> folder.SessionFolder:
    """A session that was really recorded, from a file played as if it were a device."""
    command = [sys.executable, "-P", "-m", "everyword", "record", "--input", f"file:{tone(tmp_path / 'tone.wav')}"]
    done = subprocess.run([*command, "--speaker", "A;track=1"], capture_output=True, text=True, check=True)
    return folder.SessionFolder(Path(done.stdout.strip()))


def test_each_line_of_a_real_journal_has_exactly_the_fields_of_the_page(recorded: folder.SessionFolder, tmp_path: Path) -> None:
    journals = [recorded.journal, a_session(tmp_path).journal]
    lines = [json.loads(line) for path in journals for line in path.read_bytes().splitlines()]
    kinds = {line["kind"]: set(line) - {"seq", "at", "kind", "prev"} for line in lines}
    always = {"begin", "import", "stream", "ring", "detectors", "anchor", "leaf", "segment", "stop"}
    assert always == set(kinds) - {"inhibit"}  # which waits for logind, for longer than a short recording may last
    assert kinds == {kind: _of_kind(kind) for kind in kinds}


def test_session_json_and_the_seal_have_exactly_the_fields_of_the_page(recorded: folder.SessionFolder) -> None:
    session, seal = json.loads(recorded.session_json.read_bytes()), json.loads(recorded.seal.read_bytes())
    parts = [session, *session["roster"], *session["inputs"]]
    assert {key for part in parts for key in part} == _fields(_of_section("session.json"))
    assert set(seal) | set(seal["completeness"]) == _fields(_of_section("The seal"))
    assert set() == {key for key in _keys(seal) if f"`{key}`" not in _of_section("The seal")}


def test_a_real_session_has_no_file_that_the_page_does_not_name(recorded: folder.SessionFolder) -> None:
    names = {recorded.relative(path) for path in recorded.path.rglob("*") if path.is_file() and not path.name.endswith(".lock")}
    general = {re.sub(r"s\d+/\d{6}", "sN/NNNNNN", name) for name in names}
    assert set() == {name for name in general if f"| `{name}` |" not in _of_section("Names")}


def test_the_steps_in_the_folders_own_readme_are_those_of_the_how_to() -> None:
    steps = re.findall(r"^  \d\.  (.+)$", folder.README, re.MULTILINE)
    assert 4 == len(steps)
    assert "\n".join(steps) in _text(DOCS / "how-to" / "verify.md")


@pytest.fixture(scope="module")
def header_table() -> list[tuple[int, int, str]]:
    """(offset, bytes, what) of the segment header's table."""
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (.+) \|$", FORMAT_PAGE, re.MULTILINE)
    return [(int(offset), int(length), what) for offset, length, what in rows]


def _header(sample_format: model.SampleFormat) -> bytes:
    stream = model.Stream(3, 48000, 2, sample_format, (5, 6), model.Input("x", "x", "file"), {})
    return segment.header(stream, session_id="01M827VS8FS2XQK2FE5NBPNX2D", index=7, first_frame=9, utc_us=10**15, version="0.1.0")


def test_the_header_table_has_no_hole_and_ends_where_the_samples_begin(header_table: list[tuple[int, int, str]]) -> None:
    place = 0
    for offset, length, _ in header_table:
        assert place == offset
        place += length
    assert segment.HEADER_BYTES == place


def test_the_header_table_names_every_chunk_and_number_where_it_is(header_table: list[tuple[int, int, str]]) -> None:
    data = _header("s24")
    for offset, length, what in header_table:
        if re.fullmatch(r"`[A-Za-z ]{4}`", what):
            assert what.strip("`").encode() == data[offset : offset + length]
        elif what.isdigit():
            assert int(what) == int.from_bytes(data[offset : offset + length], "little")
        elif what.endswith("zeros"):
            assert bytes(length) == data[offset : offset + length]


def test_the_header_holds_what_the_table_says(header_table: list[tuple[int, int, str]]) -> None:
    data = _header("f32")
    at = {re.split("[:;,]", what)[0]: data[offset : offset + length] for offset, length, what in header_table}
    numbers = {what: int.from_bytes(value, "little") for what, value in at.items()}
    assert b"Everyword session 01M827VS8FS2XQK2FE5NBPNX2D stream 3 segment 000007 first frame 9" == at["description"].rstrip(
        b"\0"
    )
    assert (b"Everyword 0.1.0", b"01M827VS8FS2XQK2FE5NBPNX2D") == (
        at["originator"].rstrip(b"\0"),
        at["originator's reference"].rstrip(b"\0"),
    )
    assert (b"2001-09-09", b"01:46:40") == (at["date of the segment's first frame"], at["time of the same"])
    assert 6400 * 48000 == numbers["time reference"]
    expected = {"1 for integers": 3, "channels": 2, "frames a second": 48000, "bytes a second": 384000}
    assert expected | {"bytes a frame": 8} == {name: numbers[name] for name in [*expected, "bytes a frame"]}
    assert 32 == numbers["bits a sample"]


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    """The worked example of the page, name → value."""
    (block,) = re.findall(r"<!-- example -->\n```\n(.*?)```", FORMAT_PAGE, re.DOTALL)
    return {line.rsplit(maxsplit=1)[0].strip(): line.rsplit(maxsplit=1)[1] for line in block.splitlines()}


def _place(example: dict[str, str], index: int) -> bytes:
    return struct.pack(">HHQ", int(example["stream"]), int(example["channel"]), index)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_salt_and_leaf_of_the_example_follow_from_the_formulas(example: dict[str, str], index: int) -> None:
    seed, samples = bytes.fromhex(example["seed"]), bytes.fromhex(example[f"samples {index}"])
    salt = hmac.digest(seed, b"a" + _place(example, index), "sha256")[:16]
    session = hashlib.sha256(example["session"].encode()).digest()
    leaf = hashlib.sha256(b"\0ewA1" + session + _place(example, index) + struct.pack(">I", len(samples)) + salt + samples)
    assert (example[f"salt {index}"], example[f"leaf {index}"]) == (salt.hex(), leaf.hexdigest())


def test_the_root_of_the_example_follows_from_the_formulas(example: dict[str, str]) -> None:
    leaves = [bytes.fromhex(example[f"leaf {index}"]) for index in range(3)]
    inner = hashlib.sha256(b"\1" + leaves[0] + leaves[1]).digest()
    assert example["root"] == hashlib.sha256(b"\1" + inner + leaves[2]).hexdigest()
    assert example["commitment"] == hashlib.sha256(b"ewS1" + bytes.fromhex(example["seed"])).hexdigest()


def test_the_program_gets_the_numbers_of_the_example(example: dict[str, str]) -> None:
    seed, tree = bytes.fromhex(example["seed"]), merkle.Tree()
    for index in range(3):
        pcm = bytes.fromhex(example[f"samples {index}"])
        salt = merkle.leaf_salt(seed, stream=1, channel=0, index=index)
        tree.append(merkle.leaf_digest(example["session"], pcm, salt=salt, stream=1, channel=0, index=index))
    assert (example["root"], f"sha256:{example['commitment']}") == (tree.root().hex(), merkle.salt_commitment(seed))


# JSON answers


def _answer(*arguments: str) -> Any:
    shown = CliRunner().invoke(cli.app, [*arguments, "--json"], prog_name="everyword", catch_exceptions=False)
    answer = json.loads(shown.stdout)
    assert 1 == answer["everyword"]
    return answer["data"]


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return {key for name, item in value.items() for key in {name, *_keys(item)}}
    return {key for item in value for key in _keys(item)} if isinstance(value, list) else set()


def _section(command: str) -> str:
    found = re.search(rf"^## `{command}`\n(.*?)(?=^## |\Z)", JSON_PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"json.md has no section {command!r}"
    return found[1]


def test_every_command_with_json_has_a_section() -> None:
    with_json = [" ".join(path) for path, command in _commands().items() if any("--json" in p.opts for p in command.params)]
    assert [] == [name for name in with_json if f"## `{name}`\n" not in JSON_PAGE]


def test_the_fields_of_real_answers_are_described(tmp_path: Path) -> None:
    made = _answer("import", str(tone(tmp_path / "tone.wav")))
    answers = {
        "import": made,
        "sessions": _answer("sessions"),
        "search": _answer("search", "word"),
        "verify": _answer("verify", made["path"]),
        "config show": _answer("config", "show"),
        "models list": _answer("models", "list"),
        "salvage": _answer("salvage"),
    }
    undescribed = {
        (command, key) for command, data in answers.items() for key in _keys(data) if f"`{key}`" not in _section(command)
    }
    assert set() == undescribed


def test_the_summary_of_a_transcription_is_described() -> None:
    names = re.findall(r"^        \"(\w+)\": ", _text(ROOT / "transcribe" / "commands.py"), re.MULTILINE)
    assert names
    assert [] == [name for name in names if f"`{name}`" not in _section("transcribe")]


def test_the_fields_of_a_hit_are_described() -> None:
    from archive.query.hits import Passage

    names = [field.name for field in dataclasses.fields(Passage)] + ["position", "matches", "before", "after"]
    assert [] == [name for name in names if f"`{name}`" not in _section("search")]


def test_an_error_has_the_envelope_of_the_page(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["everyword", "show", "nosuch", "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert (1, "session-not-found") == (ended.value.code, error["code"])
    assert [] == [name for name in error if f"| `{name}` |" not in JSON_PAGE]


# Documents


def test_every_export_format_and_page_style_is_described() -> None:
    from archive import export
    from archive.pages.styles import STYLES

    how_to, page = _text(DOCS / "how-to" / "export.md"), _text(REFERENCE / "documents.md")
    assert [] == [name for name in (*export.FORMATS, *export.PAGED) if f"**{name}**" not in how_to]
    assert [] == [ending for ending in export.ENDINGS.values() if f"`.{ending}`" not in how_to]
    for style in STYLES.values():
        numbered = "numbered" if style.is_numbered else "not numbered"
        assert re.search(rf"^\| `{style.name}` \| \w+ \| {style.lines}, {numbered} \| {style.columns} \|", page, re.MULTILINE)


def test_every_field_of_reviews_names_and_marks_is_described() -> None:
    from archive import naming
    from archive.review import marks as review
    from archive.statement import marks as statement_marks

    written: dict[str, list[Any]] = {
        "review": [review.Mark],
        "speaker": [naming.Naming],
        re.escape("quote`** and **`claim"): [statement_marks.Quote, statement_marks.Claim],
        "claim.check": [statement_marks.Check],
    }
    for kind, types in written.items():
        names = {field.name for one in types for field in dataclasses.fields(one)} - {"seq", "at_us", "by"}
        assert names == _of_kind(kind)
    assert [] == [name for name in review.STYLES if f"`{name}`" not in FORMAT_PAGE]
    assert [] == [name for name in statement_marks.VERDICTS if f"`{name}`" not in FORMAT_PAGE]


def test_every_field_of_the_line_map_and_the_statement_pack_is_described() -> None:
    from archive.pages.linemap import COLUMNS
    from archive.statement import pack as statement

    page = _text(REFERENCE / "documents.md")
    kinds = (statement.Pack, statement.Standing, statement.Quotation, statement.Definition, statement.CheckedClaim)
    names = {field.name for kind in kinds for field in dataclasses.fields(kind)} | set(COLUMNS) | {"everyword_statement"}
    assert set() == {name for name in names if f"`{name}`" not in page}


def test_the_review_status_has_exactly_the_fields_of_the_page() -> None:
    from archive.review.coverage import Coverage

    written = {field.name for field in dataclasses.fields(Coverage)} | {"level", "obstacles"}
    assert written == _fields(_section("review"))
