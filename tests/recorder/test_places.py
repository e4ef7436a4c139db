"""Which kind of file system a path is on."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from everyword.verify import verdicts, verify_session
from recorder.disk.places import place_of
from tests.helpers import a_session, own_key

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
23 22 0:20 / /media/a\\040stick rw - vfat /dev/sdb1 rw
24 22 0:21 / /media/card rw - exfat /dev/sdc1 rw
25 22 0:22 / /srv rw - ext4 /dev/sdd rw
26 25 0:23 / /srv/office rw - cifs //office/share rw
27 22 0:24 / /tmp rw - tmpfs tmpfs rw
28 22 0:25 / /media/card rw - ext4 /dev/sde1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "word"),
    [
        ("/home/anna/sessions", "ext4", ""),
        ("/media/a stick/sessions/new", "vfat", "FAT"),
        ("/srv/sessions", "ext4", ""),
        ("/srv/office/sessions", "cifs", "network"),
        ("/srv/officers", "ext4", ""),
        ("/tmp/x", "tmpfs", "memory"),
        ("/media/card/x", "ext4", ""),
    ],
)
def test_the_deepest_and_latest_mount_counts(tmp_path: Path, path: str, kind: str, word: str) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    place = place_of(Path(path), mountinfo=tmp_path / "mountinfo")
    assert (kind, bool(word)) == (place.kind, bool(place.warning))
    assert word in place.warning


def test_where_the_system_does_not_say_there_is_no_warning(tmp_path: Path) -> None:
    place = place_of(tmp_path, mountinfo=tmp_path / "missing")
    assert ("unknown", "") == (place.kind, place.warning)


def test_this_computer_says_where_the_tests_run(tmp_path: Path) -> None:
    assert "unknown" != place_of(tmp_path).kind


def test_a_session_is_made_where_directories_cannot_be_synced_nor_files_locked(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on FAT and on network shares: EINVAL from fsync of a directory, ENOLCK from flock."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112  (pathlib has no word for a descriptor)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    def flock(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(fcntl, "flock", flock)
    folder = a_session(tmp_path)
    assert ("pass", "pass") == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))
