"""Is this session what its seal says, and is anything missing?  Two questions, two verdicts.

Every digest is derived again from what a reader gets; nothing stored is taken for granted.  A check says PASS, FAIL or UNKNOWN,
and unknown never turns into pass.
"""

from collections.abc import Collection, Iterable, Iterator

from everyword import journal, keys, ledger, run
from everyword.clock import clock_text
from everyword.digest import TAG, digest, file_digest, parse_canonical
from everyword.errors import EverywordError
from everyword.folder import SessionFolder
from everyword.merkle import leaf_digest, leaf_salt, salt_commitment
from everyword.model import Finding, Outcome, Span, Stream
from everyword.recording import Recording, read_recording
from everyword.seal import completeness, read_seal, roots_of, sealed_files
from everyword.segment import read_layout, read_pcm, split_channels


def verify_session(folder: SessionFolder, *, trusted: Collection[str]) -> Iterator[Finding]:
    """Check everything, in an order that names the smallest damaged object; streaming, one second of sound in memory.

    Args:
        folder: the session.
        trusted: fingerprints (`keys.fingerprint`) of keys known by another way; any other signer is UNKNOWN.

    Raises:
        SessionNotFound: this is no session folder.  Everything else, damaged files included, comes back as findings.
    """
    try:
        folder.read_session()
        recording = read_recording(folder)
    except EverywordError as error:
        if not folder.session_json.exists():
            raise
        yield _fail(getattr(error, "subject", "journal.jsonl"), error.sentence)
        yield from _seal(folder, trusted)
        yield from _sums(folder)
        return
    yield _pass("journal.jsonl", f"{recording.lines} lines, each follows from the one before.")
    yield from _seal(folder, trusted)
    yield from _seal_against(recording)
    yield from _sums(folder)
    for stream in recording.streams.values():
        yield from _sound(recording, stream)
    yield from _ledger(folder)
    for name in run.run_names(folder):
        yield from _run(recording, name)
    yield from _completeness(recording)


def verdicts(findings: Iterable[Finding]) -> tuple[Outcome, Outcome]:
    """(integrity, completeness): the worst outcome of each; fail before unknown before pass."""
    worst: dict[str, Outcome] = {"integrity": "pass", "completeness": "pass"}
    order: list[Outcome] = ["pass", "unknown", "fail"]
    for finding in findings:
        worst[finding.verdict] = max(worst[finding.verdict], finding.outcome, key=order.index)
    return worst["integrity"], worst["completeness"]


def _seal(folder: SessionFolder, trusted: Collection[str]) -> Iterator[Finding]:
    if not folder.is_sealed:
        yield Finding("integrity", "unknown", "seal.json", "The session is not sealed: nothing says what it should hold.")
        return
    try:
        pem, statement = folder.seal_key.read_bytes(), folder.seal.read_bytes()
        fingerprint = keys.fingerprint(pem)
        signer = parse_canonical(statement, what="seal.json").get("signer")
    except (OSError, ValueError, EverywordError) as error:
        yield _fail("seal.json", f"The seal or its key cannot be read: {error}.")
        return
    if not keys.is_signed(pem, folder.seal_signature.read_bytes(), statement):
        yield _fail("seal.sig", "The signature does not fit the seal.")
    elif signer != {"algorithm": keys.ALGORITHM, "public_key": fingerprint}:
        yield _fail("seal.pub.pem", "The key is not the one the seal names.")
    else:
        yield _pass("seal.sig", "The signature fits the seal.")
    if fingerprint in trusted:
        yield _pass("seal.pub.pem", "The seal was made with a key you trust.")
    else:
        sentence = f"The signer is unknown here: {fingerprint}. Compare this with the fingerprint you were given."
        yield Finding("integrity", "unknown", "seal.pub.pem", sentence)


def _seal_against(recording: Recording) -> Iterator[Finding]:
    """The seal's statement against what the folder holds now."""
    folder = recording.folder
    if not folder.is_sealed:
        return
    try:
        seal = read_seal(folder)
    except EverywordError:
        return  # `_seal` has said so
    head = digest(_last_line(folder)) if recording.lines else folder.genesis()
    expected = {
        "everyword_seal": 1,
        "session": recording.session.id,
        "session_json": folder.genesis(),
        "journal": {"head": head, "lines": recording.lines},
        "roots": roots_of(recording),
        "sha256sums": file_digest(folder.sums) if folder.sums.exists() else "missing",
        "completeness": completeness(recording),
    }
    names = {"journal": "journal.jsonl", "session_json": "session.json", "sha256sums": "SHA256SUMS"}
    wrong = [names.get(name, f"seal.json: {name}") for name, value in expected.items() if seal.get(name) != value]
    for name in wrong:
        yield _fail(name, "It is not what the seal says.")
    try:
        if seal.get("salts") != salt_commitment(folder.read_seed()):
            yield _fail("salts.key", "It is not the seed the seal commits to.")
    except EverywordError as error:
        yield _fail("salts.key", error.sentence)
    if not wrong:
        yield _pass("seal.json", "Session, journal, roots and completeness are what the seal says.")


def _last_line(folder: SessionFolder) -> bytes:
    return folder.journal.read_bytes().rstrip(b"\n").rpartition(b"\n")[2]


def _sums(folder: SessionFolder) -> Iterator[Finding]:
    """Every file SHA256SUMS lists, and no other."""
    if not folder.is_sealed:
        return
    listed: dict[str, str] = {}
    try:
        for line in folder.sums.read_text(encoding="utf-8").splitlines():
            value, _, name = line.partition("  ")
            listed[name] = TAG + value
    except (OSError, ValueError) as error:
        yield _fail("SHA256SUMS", f"It cannot be read: {error}.")
        return
    present = set(sealed_files(folder.path))
    bad = [*(listed.keys() - present), *(name for name in listed.keys() & present if _differs(folder, name, listed[name]))]
    for name in sorted(bad):
        yield _fail(name, "The file was changed." if name in present else "The file is missing.")
    for name in sorted(present - listed.keys()):
        yield _fail(name, "The file was not there when the session was sealed.")
    if not bad and present == listed.keys():
        yield _pass("SHA256SUMS", f"{len(listed)} files have the digest they had at the seal.")


def _differs(folder: SessionFolder, name: str, expected: str) -> bool:
    path = folder.path / name
    return path.is_symlink() or not path.is_file() or file_digest(path) != expected


def _sound(recording: Recording, stream: Stream) -> Iterator[Finding]:
    """Each second of each channel against its journalled leaf; wrong seconds are named."""
    folder, subject = recording.folder, f"audio/s{stream.stream}"
    wrong: list[tuple[int, int]] = []
    seconds = 0
    try:
        seed = folder.read_seed()
        for segment in recording.of_stream(stream.stream):
            layout = read_layout(folder.path / segment.path)
            if (layout.rate_hz, layout.channels, layout.sample_format) != (stream.rate_hz, stream.channels, stream.sample_format):
                yield _fail(segment.path, "Its header does not say the format the journal says.")
            if file_digest(folder.path / segment.path) != segment.digest:
                yield _fail(segment.path, "The file is not the one the journal lists.")
        for index, pcm in _seconds(recording, stream):
            seconds += 1
            wrong += [(index, channel) for channel in _wrong_channels(recording, stream, index, pcm, seed)]
    except (EverywordError, OSError) as error:
        yield _fail(subject, str(error))
        return
    for index, channel in wrong:
        place = f"{clock_text(index * stream.rate_hz, stream.rate_hz)}–{clock_text((index + 1) * stream.rate_hz, stream.rate_hz)}"
        yield _fail(
            subject, f"Track {stream.tracks[channel]} (channel {channel}), second {place}, is not the sound that was sealed."
        )
    if len([key for key in recording.leaves if key[0] == stream.stream]) != seconds:
        yield _fail(subject, "The journal lists seconds that the audio files do not hold.")
    elif not wrong:
        yield _pass(subject, f"{seconds} seconds on {stream.channels} channels are the sound that was journalled.")


def _seconds(recording: Recording, stream: Stream) -> Iterator[tuple[int, bytes]]:
    """(leaf index, interleaved PCM) of every second that has audio; segments hold whole leaves but for a stream's last one."""
    segments = recording.of_stream(stream.stream)
    for segment in segments:
        start, end = segment.first_frame, segment.first_frame + segment.frame_count
        while start < end:
            count = min(stream.rate_hz - start % stream.rate_hz, end - start)
            pieces = read_pcm(recording.folder.path, (segment,), stream, first_frame=start, frame_count=count)
            yield start // stream.rate_hz, b"".join(pcm for _, pcm in pieces)
            start += count


def _wrong_channels(recording: Recording, stream: Stream, index: int, pcm: bytes, seed: bytes) -> list[int]:
    expected = recording.leaves.get((stream.stream, index), ())
    found = []
    for channel, samples in enumerate(split_channels(pcm, channels=stream.channels, sample_format=stream.sample_format)):
        salt = leaf_salt(seed, stream=stream.stream, channel=channel, index=index)
        leaf = leaf_digest(recording.session.id, samples, salt=salt, stream=stream.stream, channel=channel, index=index)
        found.append(TAG + leaf.hex())
    return [channel for channel, leaf in enumerate(found) if len(expected) != len(found) or leaf != expected[channel]]


def _ledger(folder: SessionFolder) -> Iterator[Finding]:
    if not folder.ledger.exists():
        return
    try:
        lines = list(ledger.read(folder))
    except EverywordError as error:
        yield _fail("ledger.jsonl", error.sentence)
        return
    first = lines[0] if lines else {}
    if first.get("kind") != "ledger" or first.get("seal") != ledger.seal_digest(folder):
        yield _fail("ledger.jsonl", "Its first line does not name this session's seal.")
    else:
        yield _pass("ledger.jsonl", f"{len(lines)} lines, each follows from the one before.")


def _run(recording: Recording, name: str) -> Iterator[Finding]:
    """One transcription: signed in the ledger, its files unchanged, its coverage adding up to the frame."""
    folder, subject = recording.folder, f"transcripts/{name}"
    if not (run.run_path(folder, name) / run.RUN_JSON).exists():
        yield Finding("completeness", "unknown", subject, "The run was not finished: it is no part of the record.")
        return
    try:
        signed = [line for line in ledger.read(folder) if line["kind"] == "asr.run" and line.get("run") == name]
        data = (run.run_path(folder, name) / run.RUN_JSON).read_bytes()
        transcript = run.read_transcript(folder, name)
        extra = set(run.list_files(run.run_path(folder, name))) - transcript.run.files.keys()
    except (EverywordError, OSError, ValueError) as error:
        yield _fail(subject, str(error))
        return
    if not signed:
        yield Finding("integrity", "unknown", subject, "No line of the ledger vouches for this run.")
    elif any(not _vouches(line, data) for line in signed):
        yield _fail(f"{subject}/{run.RUN_JSON}", "It is not the run that was signed into the ledger.")
    elif extra:
        yield _fail(f"{subject}/{min(extra)}", "The file was not there when the run was signed.")
    else:
        yield _pass(subject, f"{len(transcript.run.files) + 1} files are the ones that were signed.")
    problems = _uncovered(recording, transcript.coverage)
    for sentence in problems:
        yield Finding("completeness", "fail", subject, sentence)
    if not problems:
        yield Finding("completeness", "pass", subject, "Every frame of every track is accounted for.")


def _uncovered(recording: Recording, coverage: Collection[Span]) -> list[str]:
    """Where the coverage ledger leaves frames of a track out or counts them twice."""
    problems = []
    for track in recording.tracks:
        frame = 0
        spans = [span for span in coverage if (span.stream, span.track) == (track.stream, track.number)]
        for span in sorted(spans, key=lambda span: span.first_frame):
            if span.first_frame != frame:
                problems.append(
                    f"Track {track.number}: the account has a hole or an overlap at frame {min(frame, span.first_frame)}."
                )
            frame = span.first_frame + span.frame_count
        if frame != recording.end_frame(track.stream):
            problems.append(
                f"Track {track.number}: {frame} frames are accounted for, {recording.end_frame(track.stream)} were recorded."
            )
    return problems


def _vouches(line: journal.Line, data: bytes) -> bool:
    try:
        signature = bytes.fromhex(str(line["signature"]))
        return line["digest"] == digest(data) and keys.is_signed(str(line["public_key"]).encode(), signature, data)
    except (KeyError, ValueError):
        return False


def _completeness(recording: Recording) -> Iterator[Finding]:
    """What the recorder itself says is missing, and whether the pieces on disk lie end to end."""
    if recording.stop is None:
        yield Finding("completeness", "unknown", "journal.jsonl", "The recording has not been stopped, or was cut off.")
    for stream in recording.streams.values():
        pieces = sorted(
            [(s.first_frame, s.frame_count) for s in recording.of_stream(stream.stream)]
            + [(g.first_frame, g.frame_count) for g in recording.gaps if g.stream == stream.stream and not g.filled]
        )
        frame = 0
        for first, count in pieces:
            if first != frame:
                sentence = f"Frames {frame} to {first} of stream {stream.stream} are neither on disk nor journalled as a gap."
                yield Finding("completeness", "fail", f"audio/s{stream.stream}", sentence)
            frame = first + count
    statement = completeness(recording)
    if statement["complete"]:
        yield Finding("completeness", "pass", "seal.json", "The recorder noticed no gap.")
    for gap in recording.gaps:
        rate_hz = recording.streams[gap.stream].rate_hz
        length_ms = gap.frame_count * 1000 // rate_hz
        place = clock_text(gap.first_frame, rate_hz)
        sentence = f"{length_ms} ms are missing at {place} of stream {gap.stream} ({gap.cause})."
        yield Finding("completeness", "unknown", "journal.jsonl", sentence)
    for alarm in recording.alarms:
        if alarm.loss:
            yield Finding("completeness", "unknown", "journal.jsonl", alarm.text)
    if recording.torn_bytes:
        sentence = f"{recording.torn_bytes} bytes at the end of the journal were torn and moved aside."
        yield Finding("completeness", "unknown", "journal.jsonl", sentence)


def _pass(subject: str, sentence: str) -> Finding:
    return Finding("integrity", "pass", subject, sentence)


def _fail(subject: str, sentence: str) -> Finding:
    return Finding("integrity", "fail", subject, sentence)
