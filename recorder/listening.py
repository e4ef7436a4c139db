"""``play``, and what ``record --check`` does: commands that let people hear, or hear people."""

import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, terminal
from everyword.errors import InvalidOption
from everyword.folder import find_session
from recorder.running import settings_of

if TYPE_CHECKING:
    from everyword.recording import Recording
    from recorder.processes.check import TrackCheck
    from recorder.request import Request

app = typer.Typer()


@app.command()
def play(
    ctx: typer.Context,
    session: Annotated[str, typer.Argument(help="Path, id or prefix of a session.")],
    *,
    start: Annotated[str, typer.Option("--from", help="Where to begin.", metavar="h:mm:ss")] = "0:00:00",
    end: Annotated[str | None, typer.Option("--to", help="Where to stop.", metavar="h:mm:ss")] = None,
    track: Annotated[int | None, typer.Option("--track", help="One microphone; without it, all of them.", min=1)] = None,
) -> None:
    """Play a stretch of a recorded session; Ctrl-C stops."""
    from everyword.recording import read_recording  # noqa: PLC0415  (keeps the command line quick to start)
    from recorder.sound import playback  # noqa: PLC0415  (loads numpy)

    settings = settings_of(ctx)
    folder = find_session(session, settings)
    recording = read_recording(folder)
    stream, channel = _place(recording, track)
    rate_hz = recording.streams[stream].rate_hz
    first = _seconds(start) * rate_hz
    last = recording.end_frame(stream) if end is None else _seconds(end) * rate_hz
    if first >= min(last, recording.end_frame(stream)):
        raise InvalidOption("There is no sound between these two times.", hint="`everyword show SESSION` shows the times.")
    playback.play(folder, stream=stream, channel=channel, first_frame=first, frame_count=last - first)


def check_inputs(request: "Request", *, listen_s: float | None, as_json: bool) -> None:
    """``record --check``."""
    from recorder.processes.check import LISTEN_S, PATIENCE_S, check, keep  # noqa: PLC0415  (loads numpy)

    asks = listen_s is None and sys.stdin.isatty() and sys.stderr.isatty() and not as_json

    def listen(track: "TrackCheck", is_over: bool) -> None:
        if asks and not is_over:
            terminal.say(f"Track {track.track} ({track.input}): speak into this microphone …")
        elif asks:
            terminal.say(f"  heard, {track.level_cdb / 100:.0f} dB" if track.heard else "  not heard")
        elif not is_over:
            terminal.say(
                f"Listening to {len(request.inputs)} input(s) for {listen_s or LISTEN_S:.0f} s: speak into every microphone."
            )

    waits = 0 if asks else listen_s or LISTEN_S
    result = check(request, listen_s=waits, patience_s=PATIENCE_S, listen=listen)
    keep(request.home, result)
    if as_json:
        terminal.put_json(result.fields())
    else:
        for one in result.tracks:
            state = "heard" if one.heard else "NOT HEARD"
            levels = f"level {one.level_cdb / 100:.0f} dB, peak {one.peak_cdb / 100:.0f} dB, noise {one.noise_cdb / 100:.0f} dB"
            terminal.put(f"track {one.track}  {state}  {levels}  {one.input}")
        for disk in result.disks:
            speed = f"{disk.bytes_per_s / 1e6:.0f} MB/s for {disk.needed_bytes_per_s / 1e6:.2f}"
            left = f"{disk.seconds_left // 3600} h {disk.seconds_left // 60 % 60:02} min"
            terminal.put(
                f"disk {speed} MB/s of sound, slowest answer {disk.slowest_sync_us // 1000} ms, {left} left  {disk.path}"
            )
        doubt = "" if result.clock == "synced" else ": compare it with a clock you trust"
        terminal.put(f"clock {result.clock}{doubt}")
    for sentence in result.warnings:
        terminal.complain(sentence)
    if result.warnings:
        raise typer.Exit(errors.WARNINGS)
    terminal.say("Everything is ready.")


def _place(recording: "Recording", track: int | None) -> tuple[int, int | None]:
    """Stream and channel of a track, the first stream that has it; no channel means all of the first stream."""
    if track is None:
        return next(iter(recording.streams), 1), None
    found = [(one.stream, one.channel) for one in recording.tracks if one.number == track]
    if not found:
        numbers = ", ".join(str(one.number) for one in recording.tracks)
        raise InvalidOption(f"The session has no track {track}.", hint=f"It has: {numbers}.")
    return found[0]


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(?:(\d+):)?(\d+):(\d{2})|(\d+)", text.strip())
    if not match:
        raise InvalidOption(f"{text!r} is no time in a recording.", hint="Write 1:02:03, 2:03 or 123.")
    hours, minutes, seconds, alone = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + alone
