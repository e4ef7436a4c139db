"""The socket of a recording: where it lies, who may open it, and viewers that misbehave."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.operator import control
from recorder.operator.control import Connection, Control, NotRunning, Viewer, socket_path

SESSION = "01J00000000000000000000000"


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short place for sockets, and no other one."""
    place = Path("/tmp") / f"ew{os.getpid()}"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    yield place
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    place.rmdir()


def test_a_socket_lies_in_a_private_folder_of_the_user(runtime: Path) -> None:
    assert runtime / "everyword" / f"{SESSION}.sock" == socket_path(SESSION)
    assert 0o700 == (runtime / "everyword").stat().st_mode & 0o777


def test_a_folder_that_others_may_look_into_is_not_used(runtime: Path) -> None:
    (runtime / "everyword").mkdir()
    (runtime / "everyword").chmod(0o755)
    path = socket_path(SESSION)
    assert path is not None
    assert runtime not in path.parents


def test_a_link_in_its_place_is_not_followed(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (runtime / "everyword").symlink_to(tmp_path / "elsewhere")
    path = socket_path(SESSION)
    assert path is not None
    assert runtime not in path.parents


def test_a_path_that_no_system_allows_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    path = socket_path(SESSION)
    assert path is not None
    assert long not in path.parents
    assert control.LONGEST_PATH >= len(os.fsencode(path))


def test_what_a_dead_supervisor_left_is_taken_over(runtime: Path) -> None:
    dead = Control.open(SESSION)
    assert dead.listener is not None
    dead.listener.close()
    again = Control.open(SESSION)
    connection = Connection.open(SESSION)
    connection.say({"pause": "paused"})
    said = [message for _ in range(3) for _, message in again.wait(1)]
    connection.close()
    again.close({"ended": {}})
    assert [{"pause": "paused"}] == said


def test_without_a_recording_there_is_nothing_to_connect_to(runtime: Path) -> None:
    with pytest.raises(NotRunning):
        Connection.open(SESSION)


def test_a_viewer_that_does_not_read_is_dropped_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    viewer = Viewer(ours)
    monkeypatch.setattr(control, "HANGS_S", 0.0)
    for _ in range(1000):
        viewer.show({"status": "x" * 10_000})
    ours.close()
    theirs.close()
    assert viewer.is_gone
    assert 1 << 21 > len(viewer.unsent)


@pytest.mark.parametrize("rubbish", [b"\xff\xfe\n", b"[1]\n", b"{\n", b"7\n"])
def test_a_viewer_that_sends_rubbish_is_dropped(rubbish: bytes) -> None:
    ours, theirs = socket.socketpair()
    viewer = Viewer(ours)
    theirs.sendall(rubbish)
    assert [] == viewer.read()
    ours.close()
    theirs.close()
    assert viewer.is_gone


def test_an_order_may_come_in_pieces() -> None:
    ours, theirs = socket.socketpair()
    viewer = Viewer(ours)
    theirs.sendall(b'{"note": "a')
    first = viewer.read()
    theirs.sendall(b'b"}\n{"stop": true}\n')
    second = viewer.read()
    ours.close()
    theirs.close()
    assert ([], [{"note": "ab"}, {"stop": True}]) == (first, second)
