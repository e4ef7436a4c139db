"""What `everyword doctor` says of the part of a computer that records."""

import subprocess
import sys
from pathlib import Path

import pytest

from everyword import config
from everyword.config import Settings
from everyword.diagnosis import Diagnosis
from everyword.room import Room
from recorder import doctor


@pytest.fixture
def settings(home: Path) -> Settings:
    return config.load({"EVERYWORD_HOME": str(home)}).settings


def found(settings: Settings, part: str) -> Diagnosis:
    return next(one for one in doctor.examine(settings) if one.part == part)


def block(system: Path, name: str, *, uuid: str = "", slaves: tuple[str, ...] = ()) -> Path:
    """A block device as sysfs shows it."""
    device = system / "devices" / name
    (device / "slaves").mkdir(parents=True)
    for slave in slaves:
        (device / "slaves" / slave).symlink_to(system / "devices" / slave)
    if uuid:
        (device / "dm").mkdir()
        (device / "dm" / "uuid").write_text(uuid)
    return device


def shown(tmp_path: Path, device: Path) -> Path:
    """A sysfs in which `tmp_path` lies on that device."""
    number = tmp_path.stat().st_dev
    link = tmp_path / "sys" / "dev" / "block" / f"{number >> 8}:{number & 0xFF}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(device)
    return tmp_path / "sys"


def test_a_disk_under_dm_crypt_is_encrypted_even_with_volumes_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.doctor.os.major", lambda number: number >> 8)
    monkeypatch.setattr("recorder.doctor.os.minor", lambda number: number & 0xFF)
    block(tmp_path / "sys", "sda3")
    block(tmp_path / "sys", "dm-0", uuid="CRYPT-LUKS2-6f1c-sda3_crypt", slaves=("sda3",))
    system = shown(tmp_path, block(tmp_path / "sys", "dm-1", uuid="LVM-abc", slaves=("dm-0",)))
    assert doctor.encryption(tmp_path, kind="ext4", system=system) is True


def test_a_volume_of_which_one_half_is_plain_is_not_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.doctor.os.major", lambda number: number >> 8)
    monkeypatch.setattr("recorder.doctor.os.minor", lambda number: number & 0xFF)
    block(tmp_path / "sys", "sdb")
    block(tmp_path / "sys", "dm-0", uuid="CRYPT-PLAIN-x")
    system = shown(tmp_path, block(tmp_path / "sys", "dm-1", uuid="LVM-abc", slaves=("dm-0", "sdb")))
    assert doctor.encryption(tmp_path, kind="ext4", system=system) is False


def test_where_there_is_no_block_device_nobody_knows(tmp_path: Path) -> None:
    assert doctor.encryption(tmp_path, kind="nfs4", system=tmp_path) is None


def test_a_folder_that_is_encrypted_file_by_file_is_encrypted(tmp_path: Path) -> None:
    assert doctor.encryption(tmp_path, kind="fuse.gocryptfs", system=tmp_path) is True


def test_a_sound_system_that_hangs_is_told_and_waited_for_no_longer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, 15)

    monkeypatch.setattr("recorder.doctor.subprocess.run", hang)
    one = found(settings, "inputs")
    assert (False, "The sound system does not answer.") == (one.is_well, one.sentence)


def test_microphones_of_a_sound_server_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    if Room.missing():
        pytest.skip(f"not installed: {Room.missing()}")
    with Room() as room:
        for name, value in room.environment().items():
            monkeypatch.setenv(name, value)
        one = found(settings, "inputs")
    assert one.is_well
    assert "pulse:room.monitor" in one.sentence


def test_a_full_disk_is_told_with_what_to_do(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SMALL_BYTES", sys.maxsize)
    one = found(settings, "disk")
    assert (False, "Free some space, or record elsewhere with --to FOLDER.") == (one.is_well, one.hint)


def test_a_clock_before_the_program_was_made_is_no_clock(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "clock_trouble", lambda: "The clock says 1970.")
    assert (False, "The clock says 1970.") == ((one := found(settings, "clock")).is_well, one.sentence)
