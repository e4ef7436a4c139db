"""Where a session lies, and what a folder refuses."""

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyword.digest import canonical, digest, parse_canonical
from everyword.errors import (
    CorruptFolder,
    DiskTrouble,
    InvalidText,
    SessionAmbiguous,
    SessionBusy,
    SessionNotFound,
    UnsupportedFormat,
)
from everyword.folder import (
    FORMAT,
    SessionFolder,
    create,
    disk_errors,
    find,
    give_name,
    held,
    locked,
    remember_root,
    roots,
    scan,
    write_new,
)
from everyword.model import Session, to_json
from everyword.text import slug
from tests.helpers import a_session, small_disk

IDS = ["01J00000000000000000000AAA", "01J00000000000000000000BBB", "01K00000000000000000000CCC"]


def _session(session_id: str = IDS[0], title: str = "Round three") -> Session:
    return Session(FORMAT, session_id, title, "Geneva", ("en",), (), (), "captured", "Anna", 1_795_348_800_000_000, {})


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A root with three sessions."""
    for session_id in IDS:
        create(tmp_path / "sessions", _session(session_id))
    return tmp_path / "sessions"


@pytest.mark.parametrize(
    "name",
    [
        IDS[2],
        IDS[2].lower(),
        "01K",
        "01k",
        f"20261122T120000Z-round-three-{IDS[2]}",
        f"20261122T120000Z-round-three-{IDS[2][:9]}",
    ],
)
def test_a_session_is_found_by_its_id_its_name_or_their_beginning(three: Path, name: str) -> None:
    assert IDS[2] == find(name, [three]).read_session().id


def test_a_session_is_found_by_its_path(three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scan([three])[1].path
    monkeypatch.chdir(three)
    assert [path] * 3 == [find(name, []).path for name in (str(path), path.name, f"./{path.name}/")]


def test_several_sessions_of_one_beginning_are_named(three: Path) -> None:
    with pytest.raises(SessionAmbiguous, match=f"fits 2 sessions: .*{IDS[0]}, .*{IDS[1]}"):
        find("01J", [three])


def test_a_mirror_of_a_session_is_not_another_one(three: Path, tmp_path: Path) -> None:
    create(tmp_path / "mirror", _session(IDS[2]))
    assert three == find("01K", [three, tmp_path / "mirror"]).path.parent


@pytest.mark.parametrize("name", ["", "02", "x" * 10_000, "\0", "../..", "/", "*", "{", "\udcff", "01J\n"])
def test_what_is_no_session_is_not_found(three: Path, name: str) -> None:
    with pytest.raises(SessionNotFound) as caught:
        find(name, [three])
    assert len(caught.value.sentence) < 1000


def test_a_root_that_is_not_there_is_passed_over(three: Path, tmp_path: Path) -> None:
    assert 3 == len(scan([tmp_path / "gone", three]))


def test_a_folder_that_may_not_be_looked_into_is_passed_over(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (three / "lost+found").mkdir()
    is_file = Path.is_file

    def refused(path: Path) -> bool:
        if "lost+found" in str(path):
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refused)
    assert 3 == len(scan([three]))


def test_sessions_come_in_the_order_of_their_names(three: Path) -> None:
    assert IDS == [folder.read_session().id for folder in scan([three])]


def test_roots_are_remembered_once_and_in_order(tmp_path: Path) -> None:
    for name in ("a", "b", "a", "Ё"):
        remember_root(tmp_path / "home", tmp_path / name)
    assert [tmp_path / name for name in ("s", "a", "b", "Ё")] == roots(tmp_path / "home", tmp_path / "s")


def test_a_root_whose_name_is_no_text_is_remembered(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x85"))
    remember_root(tmp_path / "home", odd)
    assert [tmp_path, odd] == roots(tmp_path / "home", tmp_path)


def test_a_new_folder_holds_who_and_what_before_any_sound(tmp_path: Path) -> None:
    folder = create(tmp_path, _session())
    assert f"20261122T120000Z-round-three-{IDS[0]}" == folder.path.name
    assert {"README.txt", "salts.key", "session.json"} == {path.name for path in folder.path.iterdir()}
    assert _session() == folder.read_session()
    assert (32, 0o600) == (len(folder.read_seed()), stat.S_IMODE(folder.salts.stat().st_mode))
    assert digest(folder.session_json.read_bytes()) == folder.genesis()
    assert not folder.is_sealed


def test_every_session_has_a_seed_of_its_own(three: Path) -> None:
    assert 3 == len({folder.read_seed() for folder in scan([three])})


@pytest.mark.parametrize(
    "title",
    [
        "../../etc/passwd",
        "a/b\\c",
        "..",
        "",
        " ",
        "<script>alert(1)</script>",
        "[red]x[/red]",
        "x" * 500,
        "Ж" * 500,
        "会" * 500,
        "💥",
    ],
)
def test_a_hostile_title_stays_in_one_folder_name(tmp_path: Path, title: str) -> None:
    folder = create(tmp_path / "sessions", _session(title=title))
    assert [folder.path] == list((tmp_path / "sessions").iterdir())
    assert title == folder.read_session().title
    assert len(os.fsencode(folder.path.name)) <= 255


def test_a_title_of_ten_kilobytes_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidText, match=r"The title has 10000 characters; 500 are allowed\."):
        a_session(tmp_path, title="x" * 10_000)
    assert not (tmp_path / "sessions").exists()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_title_makes_a_plain_name(title: str) -> None:
    name = slug(title)
    assert [] == [char for char in name if not (char.isalnum() or char == "-")]
    assert len(name) <= 40
    assert len(name.encode()) <= 80


def test_a_parent_that_cannot_be_written_is_a_disk_trouble(tmp_path: Path) -> None:
    with pytest.raises(DiskTrouble, match="cannot be written") as caught:
        create(Path("/proc/everyword"), _session())
    assert (6, True) == (caught.value.exit_code, bool(caught.value.hint))


def test_a_read_only_disk_is_named_with_the_next_step(tmp_path: Path) -> None:
    with small_disk(tmp_path, "ro"), pytest.raises(DiskTrouble, match="Read-only file system") as caught:
        create(tmp_path / "sessions", _session())
    assert "Choose a folder that can be written with --to." == caught.value.hint


def test_a_full_disk_is_named_with_the_next_step(tmp_path: Path) -> None:
    with small_disk(tmp_path, "size=4k"), pytest.raises(DiskTrouble, match="No space left") as caught:
        create(tmp_path / "sessions", _session())
    assert "Free some space, or choose another disk with --to." == caught.value.hint


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EROFS, "Make it writable"),
        (errno.EACCES, "Make it writable"),
        (errno.EIO, "See to"),
    ],
)
def test_without_another_place_the_next_step_is_to_mend_this_one(tmp_path: Path, code: int, step: str) -> None:
    with pytest.raises(DiskTrouble) as caught, disk_errors(tmp_path):
        raise OSError(code, os.strerror(code))
    assert (True, True) == (caught.value.hint.startswith(step), caught.value.hint.endswith("run the same command again."))


def test_an_existing_folder_is_never_written_over(tmp_path: Path) -> None:
    create(tmp_path, _session())
    with pytest.raises(DiskTrouble, match="File exists"):
        create(tmp_path, _session())


def test_a_new_file_is_never_written_over(tmp_path: Path) -> None:
    write_new(tmp_path / "a", b"1")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", b"2")


@pytest.mark.parametrize("value", [0, 2, 99, "1", None])
def test_another_format_is_refused(tmp_path: Path, value: object) -> None:
    folder = create(tmp_path, _session())
    folder.session_json.write_bytes(canonical({**to_json(_session()), "format": value}))
    with pytest.raises(UnsupportedFormat, match=f"has format {value!r}; this Everyword knows format 1"):
        folder.read_session()


@pytest.mark.parametrize("name", ["id", "title", "roster", "inputs", "created_at_us"])
def test_a_session_that_lacks_something_is_damaged_and_says_what(tmp_path: Path, name: str) -> None:
    folder = create(tmp_path, _session())
    values = parse_canonical(folder.session_json.read_bytes(), what="it")
    folder.session_json.write_bytes(canonical({key: value for key, value in values.items() if key != name}))
    with pytest.raises(CorruptFolder, match=f"lacks something: {name}: Field required"):
        folder.read_session()


def test_a_file_that_is_no_json_is_damaged(tmp_path: Path) -> None:
    folder = create(tmp_path, _session())
    folder.session_json.write_bytes(b"\xff")
    with pytest.raises(CorruptFolder, match=r"session\.json is not canonical JSON"):
        folder.read_session()


def test_a_directory_in_the_place_of_session_json_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "session.json").mkdir()
    with pytest.raises(CorruptFolder, match=r"session\.json cannot be read: Is a directory\."):
        SessionFolder(tmp_path).read_session()


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_of_another_length_is_refused(tmp_path: Path, seed: bytes) -> None:
    folder = create(tmp_path, _session())
    folder.salts.write_bytes(seed)
    with pytest.raises(CorruptFolder, match=f"has {len(seed)} bytes, not 32"):
        folder.read_seed()


def test_a_missing_seed_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFolder, match=r"salts\.key cannot be read"):
        SessionFolder(tmp_path).read_seed()


def test_a_session_is_held_by_many_or_by_one_alone(tmp_path: Path) -> None:
    folder = create(tmp_path, _session())
    with held(folder, exclusive=False), held(folder, exclusive=False), pytest.raises(SessionBusy), held(folder, exclusive=True):
        pass
    with held(folder, exclusive=True), pytest.raises(SessionBusy, match="by another process"), held(folder, exclusive=False):
        pass


def test_a_lock_that_is_held_too_long_is_told(tmp_path: Path) -> None:
    with locked(tmp_path / "x"), pytest.raises(SessionBusy, match="x is in use"), locked(tmp_path / "x", timeout_s=0.01):
        pass


def _refuse(*_: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("has_links", [True, False])
def test_a_finished_file_gets_its_name_unless_somebody_else_has_taken_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", _refuse)
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    give_name(tmp_path / "first", tmp_path / "found")
    with pytest.raises(FileExistsError):
        give_name(tmp_path / "second", tmp_path / "found")
    assert "first" == (tmp_path / "found").read_text()
