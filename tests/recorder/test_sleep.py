"""The computer is kept awake, where logind is."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.sleep import WANTED, keep_awake
from tests.recorder.devices import until

PYTHON = "/usr/bin/python3"  # Debian's: its dbusmock is no Python package of ours


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A system bus of our own."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("not installed: dbus")
    configuration = tmp_path / "bus.conf"
    configuration.write_text(
        f"""<busconfig><type>system</type><listen>unix:path={tmp_path}/bus</listen><auth>EXTERNAL</auth>
        <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"""
    )
    daemon = subprocess.Popen(["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile"])
    until((tmp_path / "bus").exists)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    yield tmp_path
    daemon.terminate()
    daemon.wait()


@pytest.fixture
def logind(bus: Path) -> Iterator[Path]:
    """A logind that writes down who keeps the computer awake."""
    there = subprocess.run([PYTHON, "-c", "import dbusmock"], check=False, capture_output=True)
    if there.returncode:
        pytest.skip("not installed: python3-dbusmock")
    with (bus / "log").open("wb") as log:
        mock = subprocess.Popen([PYTHON, "-m", "dbusmock", "--system", "--template", "logind"], stdout=log, env={**os.environ})
    until(lambda: inhibitors(bus) is not None)
    yield bus
    mock.terminate()
    mock.wait()


def inhibitors(bus: Path) -> list[str] | None:
    """What `loginctl` would list; None when nobody answers."""
    command = ["dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.login1", "/org/freedesktop/login1"]
    command += ["org.freedesktop.login1.Manager.ListInhibitors"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    return [line.split('"')[1] for line in done.stdout.splitlines() if line.strip().startswith("string")]


def test_sleep_is_inhibited_until_the_lock_is_released(logind: Path) -> None:
    awake = keep_awake("Round three")
    assert (True, WANTED[0]) == (awake.is_held, awake.what)
    assert [WANTED[0], "Everyword", "Round three", "block"] == inhibitors(logind)
    awake.release()
    until(lambda: inhibitors(logind) == [])
    assert not awake.is_held


def test_the_lock_does_not_outlive_its_process_in_a_child(logind: Path) -> None:
    awake = keep_awake("Round three")
    child = subprocess.Popen(["sleep", "30"], close_fds=False)
    awake.release()
    until(lambda: inhibitors(logind) == [])
    child.kill()
    child.wait()


def test_without_logind_on_the_bus_nothing_is_held(bus: Path) -> None:
    assert not keep_awake("Round three").is_held


def test_without_a_bus_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/everyword")
    assert not keep_awake("Round three").is_held
