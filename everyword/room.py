"""A room without hardware: a private PulseAudio whose one microphone hears what is played into it.

The demo and the tests record from it through PortAudio, exactly as from a real microphone.  Nothing of the user's own sound
system is touched: the server has its own folder, socket, cookie and configuration, and ends with the room.

The sink's channel map decides who is heard on which channel.  PulseAudio mixes by the *names* of channels, so a channel whose
name the other side does not have is muted or spread over others, with no flag anywhere.  PortAudio records through ALSA's
``pulse`` plugin, which opens N channels under these names; a sink with the same names gives channel i to channel i:

    ========  ============================================================================================
    channels  names
    ========  ============================================================================================
    1         mono
    2         front-left, front-right
    4         front-left, front-right, rear-left, rear-right
    5         the same, front-center
    6         the same, lfe
    8         the same, side-left, side-right
    others    the longest of these (2 and up) that fits, then aux0, aux1, …
    ========  ============================================================================================
"""

import ctypes.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from everyword.errors import EverywordError

_NAMES = ("front-left", "front-right", "rear-left", "rear-right", "front-center", "lfe", "side-left", "side-right")
_MOST_CHANNELS = 32
_START_S = 10.0

_ALSA_CONFIGURATION = """\
</usr/share/alsa/alsa.conf>
pcm.pulse {
    type pulse
    hint.description "The room"
}
ctl.pulse {
    type pulse
}
pcm.!default {
    type pulse
    hint.description "The room"
}
ctl.!default {
    type pulse
}
"""

# The socket comes last: whoever can connect finds the room complete.
_SCRIPT = """\
load-module module-null-sink sink_name=room rate={rate_hz} channels={channels} format=s32le channel_map={names}
load-module module-native-protocol-unix socket="{folder}/native" auth-cookie="{folder}/cookie"
"""


class RoomTrouble(EverywordError):
    """The private sound server cannot be started or does not answer."""

    code = "room-trouble"
    default_hint = "A recording can be made from a file instead: everyword record --input file:PATH"


def channel_map(channels: int) -> str:
    """The names PortAudio records `channels` channels under, joined by commas (see the table above)."""
    if channels == 1:
        return "mono"
    named = max(count for count in (2, 4, 5, 6, 8) if count <= channels)
    return ",".join([*_NAMES[:named], *(f"aux{index}" for index in range(channels - named))])


class Room:
    """A sink called ``room`` and its monitor, the microphone.  A context manager: the server runs inside the ``with``.

    Args:
        channels: microphones in the room, 1 to 32.
        rate_hz: frames a second; a recording at another rate is resampled by PulseAudio.
    """

    def __init__(self, *, channels: int = 2, rate_hz: int = 48000) -> None:
        if not 1 <= channels <= _MOST_CHANNELS:
            raise RoomTrouble(f"A room has 1 to {_MOST_CHANNELS} channels, not {channels}.")
        self.channels = channels
        self.rate_hz = rate_hz
        self._folder: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing() -> list[str]:
        """The Debian packages a room needs and this computer lacks; empty when one can be made."""
        plugins = any(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so"))
        there = {
            "libportaudio2": ctypes.util.find_library("portaudio") is not None,
            "libasound2-plugins": plugins,
            "pulseaudio": shutil.which("pulseaudio") is not None,
            "pulseaudio-utils": shutil.which("paplay") is not None,
        }
        return [package for package, found in there.items() if not found]

    def __enter__(self) -> Self:
        """Start the server and wait until it answers.  Raises `RoomTrouble`, with what the server said."""
        lacking = self.missing()
        if lacking:
            raise RoomTrouble(f"A room needs packages that are not installed: {', '.join(lacking)}.")
        self._folder = Path(tempfile.mkdtemp(prefix="everyword-room-"))
        try:
            self._start(self._folder)
        except BaseException:  # also Ctrl-C: whatever ends the start, no server and no folder stay behind
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the server."""
        self.close()

    def close(self) -> None:
        """End the server and remove its folder; does nothing the second time."""
        server, self._server = self._server, None
        folder, self._folder = self._folder, None
        if server is not None:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """The variables under which a program finds this room and no other sound system.

        PortAudio then lists two inputs, ``pulse`` and ``default`` (and what hardware ALSA sees); both are the room's microphone.
        """
        folder = self._open_folder()
        return {
            **os.environ,
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
            "PULSE_CLIENTCONFIG": str(folder / "client.conf"),
            "PULSE_COOKIE": str(folder / "cookie"),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SERVER": f"unix:{folder / 'native'}",
            "PULSE_SINK": "room",
            "PULSE_SOURCE": "room.monitor",
            "PULSE_STATE_PATH": str(folder),
        }

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Play a sound file with as many channels as the room into it; channel i is heard by microphone i.

        Returns at once; the process ends with the file.  The first few milliseconds may be swallowed while the stream starts.
        """
        command = ["paplay", "--device=room", f"--channel-map={channel_map(self.channels)}", str(path)]
        return subprocess.Popen(command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def _open_folder(self) -> Path:
        if self._folder is None:
            raise RoomTrouble("The room is not open.")
        return self._folder

    def _start(self, folder: Path) -> None:
        (folder / "asound.conf").write_text(_ALSA_CONFIGURATION, encoding="utf-8")
        (folder / "client.conf").write_text("autospawn = no\n", encoding="utf-8")
        script = _SCRIPT.format(rate_hz=self.rate_hz, channels=self.channels, names=channel_map(self.channels), folder=folder)
        (folder / "room.pa").write_text(script, encoding="utf-8")
        # -n: none of the user's or the system's modules.
        command = ["pulseaudio", "-n", f"--file={folder / 'room.pa'}", "--daemonize=no", "--use-pid-file=no"]
        command += ["--exit-idle-time=-1", "--log-target=stderr", "--log-level=error"]
        # No session bus: without this address libdbus would try to start one of its own.
        environment = {**self.environment(), "DBUS_SESSION_BUS_ADDRESS": "disabled:", "XDG_RUNTIME_DIR": str(folder)}
        log = folder / "log"
        with log.open("wb") as said:
            # A session of its own, so that a Ctrl-C in the terminal ends the recording, not the microphone under it.
            self._server = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        _wait_for(folder / "native", self._server, log)


def _wait_for(path: Path, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_S
    answers = False
    while time.monotonic() < deadline and server.poll() is None and not answers:
        with socket.socket(socket.AF_UNIX) as client:
            answers = client.connect_ex(str(path)) == 0
        if not answers:
            time.sleep(0.05)
    said = log.read_text(encoding="utf-8", errors="replace").strip()
    if not answers or "Failed to load module" in said:  # a server runs on without a module it cannot load
        raise RoomTrouble(f"The private sound server did not start: {said.splitlines()[-1] if said else 'it said nothing'}.")
