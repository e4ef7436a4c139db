"""Is this session what its seal says, and is anything missing?  Two questions, two verdicts.

Every digest is derived again from what a reader gets; nothing stored is taken for granted.  A check says PASS, FAIL or UNKNOWN,
and unknown never turns into pass.
"""

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from everyword import keys, ledger, run
from everyword.clock import clock_text
from everyword.digest import TAG, canonical, digest, file_digest, parse_canonical
from everyword.errors import EverywordError, SessionNotFound, UnsupportedFormat
from everyword.folder import FORMAT, SessionFolder
from everyword.merkle import leaf_digest, leaf_salt, salt_commitment
from everyword.model import AudioSegment, Finding, Outcome, Stream, Transcript, Verdict
from everyword.recording import Recording, read_recording
from everyword.seal import completeness, read_seal, read_sums, roots_of, sealed_files
from everyword.segment import read_layout, read_pcm, split_channels

LARGEST_BYTES = 1 << 26
"""Of a file that is read in one piece."""

_DAMAGE = (EverywordError, OSError, ValueError, RecursionError)
"""What reading a damaged or hostile folder may raise."""


def verify_session(folder: SessionFolder, *, trusted: Collection[str]) -> Iterator[Finding]:
    """Check everything, in an order that names the smallest damaged object; streaming, one second of sound in memory.

    Args:
        folder: the session.
        trusted: fingerprints (`keys.fingerprint`) of keys known by another way; any other signer is UNKNOWN.

    Raises:
        SessionNotFound: this is no session folder.
        UnsupportedFormat: a newer version wrote it: nothing is said about what is not understood.

    Everything else, damaged files included, comes back as findings.
    """
    if not os.path.lexists(folder.session_json):
        raise SessionNotFound(f"{folder.path} is not a session folder: it has no session.json.")
    strange = list(_guarded("", _strange(folder)))
    if strange:
        yield from strange
        return
    recording = _open(folder)
    if isinstance(recording, Finding):
        yield recording
    else:
        yield _pass("journal.jsonl", f"{recording.lines} lines, each follows from the one before.")
    yield from _guarded("seal.json", _seal(folder, trusted))
    yield from _guarded("SHA256SUMS", _sums(folder))
    yield from _guarded("ledger.jsonl", _ledger(folder, trusted))
    yield from _unchecked(folder)
    if isinstance(recording, Recording):
        yield from _guarded("seal.json", _seal_against(recording))
        for stream in recording.streams.values():
            yield from _guarded(f"audio/s{stream.stream}", _sound(recording, stream))
        yield from _guarded("transcripts", _runs(recording))
        yield from _completeness(recording)


def verdicts(findings: Iterable[Finding]) -> tuple[Outcome, Outcome]:
    """(integrity, completeness): the worst outcome of each, fail before unknown before pass; unknown if nothing was checked."""
    worst: dict[str, Outcome] = {}
    order: list[Outcome] = ["pass", "unknown", "fail"]
    for finding in findings:
        worst[finding.verdict] = max(worst.get(finding.verdict, "pass"), finding.outcome, key=order.index)
    return worst.get("integrity", "unknown"), worst.get("completeness", "unknown")


def _strange(folder: SessionFolder) -> Iterator[Finding]:
    """Links, pipes, devices and giants: to read one could lead out of the folder or never end, so nothing is read beside one."""
    whole = {folder.session_json, folder.seal, folder.seal_key, folder.seal_signature, folder.sums, folder.salts}
    for parent, directories, files in os.walk(folder.path, onerror=_raise):
        for name in sorted(directories + files):
            path = Path(parent, name)
            try:
                found = path.lstat()
            except FileNotFoundError:  # a lock comes and goes
                continue
            if stat.S_IFMT(found.st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
                yield _fail(folder.relative(path), "It is neither a file nor a folder but leads elsewhere: nothing was read.")
            elif found.st_size > LARGEST_BYTES and (path in whole or name == run.RUN_JSON):
                yield _fail(folder.relative(path), "It is much too large to be what it should be: nothing was read.")


def _raise(error: OSError) -> None:
    raise error


def _open(folder: SessionFolder) -> Recording | Finding:
    try:
        folder.read_session()
    except UnsupportedFormat:
        raise
    except _DAMAGE as error:
        return _fail("session.json", str(error))
    try:
        return read_recording(folder)
    except _DAMAGE as error:
        return _fail("journal.jsonl", str(error))


def _guarded(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """`findings`, the last of them a FAIL if the check could not be carried through."""
    try:
        yield from findings
    except _DAMAGE as error:
        yield _fail(subject, str(error))


def _seal(folder: SessionFolder, trusted: Collection[str]) -> Iterator[Finding]:
    if not folder.is_sealed:
        yield _unknown("seal.json", "The session is not sealed: nothing says what it should hold.")
        return
    missing = [path.name for path in (folder.seal, folder.seal_key, folder.seal_signature) if not path.is_file()]
    for name in missing:
        yield _fail(name, "The file is missing.")
    if missing:
        return
    pem, statement = folder.seal_key.read_bytes(), folder.seal.read_bytes()
    try:
        fingerprint = keys.fingerprint(pem)
    except ValueError as error:
        yield _fail("seal.pub.pem", f"It is not a public key: {error}.")
        return
    signer = parse_canonical(statement, what="seal.json").get("signer")
    if not keys.is_signed(pem, folder.seal_signature.read_bytes(), statement):
        yield _fail("seal.sig", "The signature does not fit the seal.")
    elif signer != {"algorithm": keys.ALGORITHM, "public_key": fingerprint}:
        yield _fail("seal.pub.pem", "The key is not the one the seal names.")
    else:
        yield _pass("seal.sig", "The signature fits the seal.")
    if fingerprint in trusted:
        yield _pass("seal.pub.pem", "The seal was made with a key you trust.")
    else:
        yield _unknown("seal.pub.pem", f"{_stranger(fingerprint)} Compare this with the fingerprint you were given.")


def _seal_against(recording: Recording) -> Iterator[Finding]:
    """The seal's statement against what the folder holds now."""
    folder = recording.folder
    if not folder.is_sealed:
        return
    try:
        seal = read_seal(folder)
    except _DAMAGE:
        return  # `_seal` has said so
    head = digest(canonical(recording.last)) if recording.last else folder.genesis()
    expected = {
        "everyword_seal": FORMAT,
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


def _sums(folder: SessionFolder) -> Iterator[Finding]:
    """Every file SHA256SUMS lists, and no other."""
    if not folder.is_sealed:
        return
    listed, present = read_sums(folder), set(sealed_files(folder.path))
    changed = {name for name in listed.keys() & present if file_digest(folder.path / name) != listed[name]}
    for name in sorted(listed.keys() - present):
        yield _fail(name, "The file is missing.")
    for name in sorted(changed):
        yield _fail(name, "The file was changed.")
    for name in sorted(present - listed.keys()):
        yield _fail(name, "The file was not there when the session was sealed.")
    if not changed and present == listed.keys():
        yield _pass("SHA256SUMS", f"{len(listed)} files have the digest they had at the seal.")


def _sound(recording: Recording, stream: Stream) -> Iterator[Finding]:
    """Each segment of a stream, and whether the journal lists just the seconds they hold."""
    subject, seed = f"audio/s{stream.stream}", recording.folder.read_seed()
    seconds, good = 0, True
    for segment in recording.of_stream(stream.stream):
        seconds += -(-(segment.first_frame + segment.frame_count) // stream.rate_hz) - segment.first_frame // stream.rate_hz
        for finding in _guarded(segment.path, _segment(recording, stream, segment, seed)):
            good = False
            yield finding
    if seconds != sum(number == stream.stream for number, _ in recording.leaves):
        yield _fail(subject, "The journal lists seconds that the audio files do not hold.")
    elif good:
        yield _pass(subject, f"{seconds} seconds on {stream.channels} channels are the sound that was journalled.")


def _segment(recording: Recording, stream: Stream, segment: AudioSegment, seed: bytes) -> Iterator[Finding]:
    """What is wrong with one file: its header, its digest, and each second of each channel against its leaf."""
    path = recording.folder.path / segment.path
    layout = read_layout(path)
    if (layout.rate_hz, layout.channels, layout.sample_format) != (stream.rate_hz, stream.channels, stream.sample_format):
        yield _fail(segment.path, "Its header does not say the format the journal says.")
    if file_digest(path) != segment.digest:
        yield _fail(segment.path, "The file is not the one the journal lists.")
    wrong: list[list[int]] = [[] for _ in stream.tracks]
    for index, pcm in _seconds(recording, stream, segment):
        for channel in _wrong_channels(recording, stream, index, pcm, seed):
            wrong[channel].append(index)
    for channel, track in enumerate(stream.tracks):
        for first, end in _stretches(wrong[channel]):
            place = "–".join(clock_text(index * stream.rate_hz, stream.rate_hz) for index in (first, end))
            what = f"Track {track} (channel {channel}), second{'s' * (end > first + 1)} {place}"
            yield _fail(segment.path, f"{what}, is not the sound that was sealed.")


def _seconds(recording: Recording, stream: Stream, segment: AudioSegment) -> Iterator[tuple[int, bytes]]:
    """(leaf index, interleaved PCM) of every second; segments hold whole leaves but for a stream's last one."""
    start, end = segment.first_frame, segment.first_frame + segment.frame_count
    while start < end:
        count = min(stream.rate_hz - start % stream.rate_hz, end - start)
        pieces = read_pcm(recording.folder.path, (segment,), stream, first_frame=start, frame_count=count)
        yield start // stream.rate_hz, b"".join(pcm for _, pcm in pieces)
        start += count


def _wrong_channels(recording: Recording, stream: Stream, index: int, pcm: bytes, seed: bytes) -> Iterator[int]:
    expected = recording.leaves.get((stream.stream, index), ("",) * stream.channels)
    for channel, samples in enumerate(split_channels(pcm, channels=stream.channels, sample_format=stream.sample_format)):
        salt = leaf_salt(seed, stream=stream.stream, channel=channel, index=index)
        leaf = leaf_digest(recording.session.id, samples, salt=salt, stream=stream.stream, channel=channel, index=index)
        if TAG + leaf.hex() != expected[channel]:
            yield channel


def _stretches(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, end) of each unbroken run of growing numbers."""
    first = 0
    for place, index in enumerate(indexes):
        if not place or indexes[place - 1] != index - 1:
            first = index
        if place + 1 == len(indexes) or indexes[place + 1] != index + 1:
            yield first, index + 1


def _ledger(folder: SessionFolder, trusted: Collection[str]) -> Iterator[Finding]:
    """The chain, and who vouches for each of its lines."""
    if not folder.ledger.exists():
        return
    count, unsigned, strangers = 0, [], set()
    for line in ledger.read(folder, is_strict=True):
        count += 1
        if count == 1:
            expected = ("ledger", folder.read_session().id, ledger.seal_digest(folder))
            if (line["kind"], line.get("session"), line.get("seal")) != expected:
                yield _fail("ledger.jsonl", "Its first line does not name this session and its seal.")
            continue
        signer = ledger.signer(line)
        if signer is None:
            unsigned.append(str(count))
        elif signer not in trusted:
            strangers.add(signer)
    if not count:
        yield _unknown("ledger.jsonl", "It is empty: it was cut off before its first line.")
        return
    yield _pass("ledger.jsonl", f"{count} lines, each follows from the one before.")
    if unsigned:
        yield _unknown("ledger.jsonl", f"Nobody has signed line {', '.join(unsigned)}.")
    for signer in sorted(strangers):
        yield _unknown("ledger.jsonl", _stranger(signer))


def _unchecked(folder: SessionFolder) -> Iterator[Finding]:
    """What may be there and this version cannot check."""
    for name in ("seal.sig.tsr", "certificates"):
        if (folder.path / name).exists():
            yield _unknown(name, "This version of Everyword cannot check it.")


def _runs(recording: Recording) -> Iterator[Finding]:
    """Every run that is in the folder or in the ledger, and which of them counts."""
    folder = recording.folder
    signed: dict[str, list[object]] = {}
    for line in ledger.read(folder):
        if line["kind"] == "asr.run":
            signed.setdefault(str(line.get("run")), []).append(line.get("digest"))
    present = run.run_names(folder)
    for path in sorted(folder.transcripts.iterdir()) if folder.transcripts.is_dir() else []:
        if path.name not in present:
            yield _fail(folder.relative(path), "It is no transcription: nothing vouches for it.")
    for name in sorted(signed.keys() - present):
        yield _fail(f"transcripts/{name}", "It is missing: the ledger names this run.")
    for name in present:
        yield from _guarded(f"transcripts/{name}", _run(recording, name, signed.get(name, [])))
    current = ledger.current_run(folder)
    if current is None and signed:
        yield _finding("completeness", "unknown", "ledger.jsonl", "There are transcriptions, but none was adopted.")
    elif current is not None and current not in signed:
        yield _fail("ledger.jsonl", "The transcription that was adopted is not in the ledger.")


def _run(recording: Recording, name: str, digests: Sequence[object]) -> Iterator[Finding]:
    """One transcription: signed in the ledger, its files unchanged, its coverage adding up to the frame."""
    folder, subject = recording.folder, f"transcripts/{name}"
    path = run.run_path(folder, name)
    if not (path / run.RUN_JSON).exists():
        if digests:
            yield _fail(f"{subject}/{run.RUN_JSON}", "The file is missing: the ledger names this run.")
        else:
            yield _finding("completeness", "unknown", subject, "The run was not finished: it is no part of the record.")
        return
    if not digests:
        yield _unknown(subject, "No line of the ledger vouches for this run.")
    elif any(one != digest((path / run.RUN_JSON).read_bytes()) for one in digests):
        yield _fail(f"{subject}/{run.RUN_JSON}", "It is not the run that was signed into the ledger.")
    transcript = run.read_transcript(folder, name)
    if (transcript.run.session, transcript.run.seal) != (recording.session.id, ledger.seal_digest(folder)):
        yield _fail(f"{subject}/{run.RUN_JSON}", "It is a transcription of something else.")
    extra = sorted({entry.name for entry in path.iterdir()} - transcript.run.files.keys() - {run.RUN_JSON})
    for entry in extra:
        yield _fail(f"{subject}/{entry}", "It was not there when the run was signed.")
    if not extra:
        yield _pass(subject, f"{len(transcript.run.files) + 1} files are the ones that {run.RUN_JSON} lists.")
    yield from _coverage(recording, subject, transcript)


def _coverage(recording: Recording, subject: str, transcript: Transcript) -> Iterator[Finding]:
    problems = run.uncovered(recording, transcript.coverage)
    for sentence in problems:
        yield _finding("completeness", "fail", subject, sentence)
    if not problems:
        yield _finding("completeness", "pass", subject, "Every frame of every track is accounted for.")


def _completeness(recording: Recording) -> Iterator[Finding]:
    """What the recorder itself says is missing, and whether the pieces on disk lie end to end."""
    if recording.stop is None:
        yield _finding("completeness", "unknown", "journal.jsonl", "The recording has not been stopped, or was cut off.")
    for stream in recording.streams.values():
        pieces = sorted(
            [(s.first_frame, s.frame_count) for s in recording.of_stream(stream.stream)]
            + [(g.first_frame, g.frame_count) for g in recording.gaps if g.stream == stream.stream and not g.filled]
        )
        frame = 0
        for first, count in pieces:
            if first != frame:
                sentence = f"Frames {frame} to {first} of stream {stream.stream} are neither on disk nor journalled as a gap."
                yield _finding("completeness", "fail", f"audio/s{stream.stream}", sentence)
            frame = first + count
    statement = completeness(recording)
    if statement["complete"]:
        yield _finding("completeness", "pass", "seal.json", "The recorder noticed no gap.")
    for gap in recording.gaps:
        rate_hz = recording.streams[gap.stream].rate_hz
        length_ms = gap.frame_count * 1000 // rate_hz
        place = clock_text(gap.first_frame, rate_hz)
        sentence = f"{length_ms} ms are missing at {place} of stream {gap.stream} ({gap.cause})."
        yield _finding("completeness", "unknown", "journal.jsonl", sentence)
    for alarm in recording.alarms:
        if alarm.loss:
            yield _finding("completeness", "unknown", "journal.jsonl", alarm.text)
    if recording.torn_bytes:
        sentence = f"{recording.torn_bytes} bytes at the end of the journal were torn and moved aside."
        yield _finding("completeness", "unknown", "journal.jsonl", sentence)


def _stranger(fingerprint: str) -> str:
    return f"The signer is unknown here: {fingerprint}."


def _pass(subject: str, sentence: str) -> Finding:
    return _finding("integrity", "pass", subject, sentence)


def _unknown(subject: str, sentence: str) -> Finding:
    return _finding("integrity", "unknown", subject, sentence)


def _fail(subject: str, sentence: str) -> Finding:
    return _finding("integrity", "fail", subject, sentence)


def _finding(verdict: Verdict, outcome: Outcome, subject: str, sentence: str) -> Finding:
    """A line break in a name or in what was read must not begin a line of the report."""
    return Finding(verdict, outcome, subject.replace("\n", "\\n"), sentence.replace("\n", "\\n"))
