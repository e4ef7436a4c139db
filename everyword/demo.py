"""``everyword demo``: the whole chain on a short real recording, by the same commands a person would type.

Every step is a process of its own, in the demo's own EVERYWORD_HOME: nothing of the user's sessions, settings or keys is read or
changed.  The recording is made through PortAudio from a private sound server (`everyword.room`); where none can be had, the
same file is played as if it were an input.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from everyword import errors, folder, terminal
from everyword.config import Settings
from everyword.errors import EverywordError
from everyword.room import Room, RoomTrouble
from everyword.segment import HEADER_BYTES

CHANNELS = 2
FIRST_FRAME_S = 60.0
"""How long a sound server may take to deliver its first frame before the demo gives up."""

_RECORD = [
    "record",
    *("--title", "Round one, interpreted"),
    *("--place", "A room without hardware"),
    *("--language", "en", "--language", "ru"),
    *("--speaker", "Adam Duguid;role=chair;delegation=English side;language=en;track=1"),
    *("--speaker", "Ebenezer Ademesoye;role=marketing expert;delegation=English side;language=en;track=1"),
    *("--speaker", "Studio voice A;role=speaker;delegation=Russian side;language=ru;track=2"),
]


class DemoBroken(EverywordError):
    """A part of the demo is missing or a step of it did not do what it should."""

    code = "demo-broken"
    default_hint = "`pip install --force-reinstall everyword` restores what is missing."


@dataclass(frozen=True, slots=True)
class Step:
    """What one command did: its exit code, how long it took and what it wrote to stdout."""

    name: str
    exit_code: int
    seconds: float
    said: str


@dataclass(slots=True)
class Demo:
    """Runs commands in a home of their own and keeps the account of them."""

    home: Path
    operator: str
    steps: list[Step] = field(default_factory=list)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with the demo's home in the place of the user's."""
        foreign = {"EVERYWORD_SESSIONS", "EVERYWORD_INPUT", "EVERYWORD_LANGUAGES"}
        kept = {name: value for name, value in base.items() if name not in foreign}
        return {**kept, "EVERYWORD_HOME": str(self.home), "EVERYWORD_OPERATOR": self.operator}

    def run(self, name: str, arguments: list[str], *, expects: str = "") -> str:
        """Run one command to its end and return what it wrote to stdout.

        Raises:
            DemoBroken: it failed, or `expects` is not in what it wrote (capitals aside).
        """
        with self._shown(name, arguments, dict(os.environ)) as (process, started):
            said, _ = process.communicate()
        return self._done(name, process.returncode, started, said, expects=expects)

    def record(self, recording: Path) -> Path:
        """Play `recording` into a room, record it there, and return the session's folder."""
        with ExitStack() as stack:
            room = _open_room(stack)
            source = ["--input", "pulse", "--channels", str(CHANNELS)] if room else ["--input", f"file:{recording}"]
            environment = room.environment() if room else dict(os.environ)
            before = {session.path for session in self._sessions()}
            if room:  # said now: once the recorder runs, the terminal is its own
                terminal.say("")
                terminal.say(f"({recording.name} is played into the room as soon as the recorder hears it.)", style="dim")
            with self._shown("record", [*_RECORD, *source], environment) as (process, started):
                if room:
                    self._play(room, recording, process, before=before)
                said, _ = process.communicate()
        return Path(self._done("record", process.returncode, started, said).strip())

    def _play(self, room: Room, recording: Path, recorder: "subprocess.Popen[str]", *, before: set[Path]) -> None:
        """Play once the recorder has a first frame, and stop it, as Ctrl-C does, when the playing has ended."""
        try:
            self._wait_for_first_frame(recorder, before=before)
            with room.play(recording) as player:
                player.wait()
            time.sleep(0.5)  # what the last samples need from the player to the recorder
        finally:
            if recorder.poll() is None:
                recorder.send_signal(signal.SIGINT)

    def _wait_for_first_frame(self, recorder: "subprocess.Popen[str]", *, before: set[Path]) -> None:
        deadline = time.monotonic() + FIRST_FRAME_S
        while time.monotonic() < deadline and recorder.poll() is None:
            if any(_has_frames(session) for session in self._sessions() if session.path not in before):
                return
            time.sleep(0.05)
        raise DemoBroken("The recorder got no sound from the room.", hint="What it wrote stands above.")

    def _sessions(self) -> list[folder.SessionFolder]:
        return folder.scan([self.home / "sessions"])

    @contextmanager
    def _shown(
        self, name: str, arguments: list[str], environment: dict[str, str]
    ) -> "Iterator[tuple[subprocess.Popen[str], float]]":
        """Start a command under its own command line; its stderr (progress, words) goes straight to the terminal."""
        terminal.say("")
        terminal.say(f"{len(self.steps) + 1}. {name}", style="bold")
        terminal.say(f"$ everyword {command_line(arguments)}", style="cyan")
        command = [sys.executable, "-P", "-m", "everyword", *arguments]
        with subprocess.Popen(
            command,
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as process:
            yield process, time.monotonic()

    def _done(self, name: str, exit_code: int, started: float, said: str, *, expects: str = "") -> str:
        self.steps.append(Step(name, exit_code, time.monotonic() - started, said))
        for line in said.splitlines():
            terminal.put(line)
        sys.stdout.flush()
        if exit_code not in (errors.OK, errors.WARNINGS):
            raise DemoBroken(f"`everyword {name}` ended with exit code {exit_code}.", hint="What it wrote stands above.")
        if expects.lower() not in said.lower():
            raise DemoBroken(f"`everyword {name}` did not find {expects!r}.", hint=f"The session is in {self.home}.")
        return said


def run_demo(settings: Settings, *, out: Path | None = None) -> int:
    """Record, transcribe, search, export and verify; everything made stays in `out` (default: ``demo-output``).

    Returns the exit code: 0 when every step did what it should, else that of the step that did not (1 if it has none).
    """
    home = (out or Path("demo-output")).absolute()
    home.mkdir(parents=True, exist_ok=True)
    demo = Demo(home, settings.operator)
    started = time.monotonic()
    terminal.say(
        "Everyword records a short interpreted meeting, writes down its words, finds some of them and checks the record."
    )
    terminal.say(f"Everything it makes goes to {home} (EVERYWORD_HOME={shlex.quote(str(home))}) and stays there.")
    exit_code = errors.OK
    try:
        session = _chain(demo)
    except DemoBroken as error:
        terminal.complain(error.sentence, hint=error.hint)
        exit_code = next(
            (step.exit_code for step in demo.steps if step.exit_code not in (errors.OK, errors.WARNINGS)), errors.ERROR
        )
    else:
        terminal.put("")
        terminal.put(f"session   {session}  (begin with its README.txt)")
        terminal.put(f"exports   {home / 'exports'}")
        terminal.put(f"archive   {home / 'archive.db'}")
    _report(demo, time.monotonic() - started)
    return exit_code


def _chain(demo: Demo) -> Path:
    session = demo.record(demo_recording())
    session_id = session.name.rpartition("-")[2]
    demo.run("transcribe", ["transcribe", session_id])
    # The Russian speaker says «голосовую почту» and «голосовой почты»: other forms of the same words.
    demo.run("search", ["search", "голосовая почта", "--session", session_id], expects="почт")
    demo.run("search", ["search", '"marketing expert"', "--session", session_id, "--context", "1"], expects="marketing")
    formats = [part for name in ("txt", "srt", "vtt", "json") for part in ("--format", name)]
    demo.run("export", ["export", session_id, *formats, "--to", str(demo.home / "exports")])
    demo.run("verify", ["verify", session_id])
    return session


def _has_frames(session: folder.SessionFolder) -> bool:
    """True once audio lies in the session's first segment."""
    first = session.segment(1, 0)
    return first.exists() and first.stat().st_size > HEADER_BYTES


def _open_room(stack: ExitStack) -> Room | None:
    try:
        return stack.enter_context(Room(channels=CHANNELS))
    except RoomTrouble as error:
        terminal.say(f"No sound server: {error.sentence} The file is played as if it were an input.", style="yellow")
        return None


def _report(demo: Demo, seconds: float) -> None:
    terminal.put("")
    for step in demo.steps:
        words = {errors.OK: "", errors.WARNINGS: "with warnings"}.get(step.exit_code, f"failed ({step.exit_code})")
        terminal.put(f"{step.name:12}{step.seconds:8.1f} s  {words}".rstrip())
    terminal.put(f"{'total':12}{seconds:8.1f} s")


def demo_recording() -> Path:
    """The meeting the demo plays: in the wheel beside this module, in a checkout under ``tests/data``.  Raises `DemoBroken`."""
    places = [Path(str(files("everyword"))) / "demo_data", Path(__file__).parent.parent / "tests" / "data"]
    for place in places:
        if (place / "demo.flac").is_file():
            return place / "demo.flac"
    raise DemoBroken("The recording of the demo is missing.")


def command_line(arguments: list[str]) -> str:
    """The arguments as one would type them, folded before options when they are long."""
    words = shlex.join(arguments)
    if len(words) <= 100:
        return words
    lines: list[str] = []
    for argument in arguments:
        if argument.startswith("--") or not lines:
            lines.append(shlex.quote(argument))
        else:
            lines[-1] += f" {shlex.quote(argument)}"
    return " \\\n      ".join(lines)
