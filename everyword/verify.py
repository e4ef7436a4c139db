"""Is this session what its seal says, and is anything missing?  Two questions, two verdicts.

Every digest is derived again from what a reader gets; nothing stored is taken for granted.  A check says PASS, FAIL or UNKNOWN,
and unknown never turns into pass.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from everyword import checker, keys, ledger, run
from everyword.certificates import converted, verify_certificates
from everyword.checker import Trust
from everyword.clock import clock_text
from everyword.digest import file_digest, parse_canonical
from everyword.errors import EverywordError, SessionNotFound, UnsupportedFormat
from everyword.findings import DAMAGE, failed, finding, guarded, passed, stranger, unknown
from everyword.folder import FORMAT, SessionFolder, is_plain
from everyword.leaves import altered_seconds
from everyword.merkle import salt_commitment
from everyword.model import AudioSegment, Finding, Outcome, Stream
from everyword.recording import Recording, read_recording
from everyword.seal import completeness, journal_state, read_seal, read_sums, roots_of, sealed_files
from everyword.segment import read_layout
from everyword.verify_runs import verify_runs

WORKERS = max(1, min(4, os.cpu_count() or 1))
LARGEST_BYTES = 1 << 26
"""Of a file that is read in one piece."""


def verify_session(
    folder: SessionFolder, *, trusted: Collection[str], time_authorities: Sequence[Path] = (), authorities: Sequence[Path] = ()
) -> Iterator[Finding]:
    """Check everything, in an order that names the smallest damaged object; streaming, one second of sound in memory.

    Args:
        folder: the session.
        trusted: fingerprints (`keys.fingerprint`) of keys known by another way; any other signer is UNKNOWN.
        time_authorities: PEM files of time-stamp authorities that are trusted.
        authorities: PEM files of authorities that vouch for signers.

    Raises:
        SessionNotFound: this is no session folder.
        UnsupportedFormat: a newer version wrote it: nothing is said about what is not understood.

    Everything else, damaged files included, comes back as findings.
    """
    if not os.path.lexists(folder.session_json):
        raise SessionNotFound(f"{folder.path} is not a session folder: it has no session.json.")
    strange = list(guarded("", _strange(folder)))
    if strange:
        yield from strange
        return
    recording = _open(folder)
    if isinstance(recording, Finding):
        yield recording
    else:
        yield passed("journal.jsonl", f"{recording.lines} lines, each follows from the one before.")
    yield from guarded("seal.json", _seal(folder, trusted))
    digests: dict[str, str] = {}
    yield from guarded("SHA256SUMS", _sums(folder, digests))
    yield from guarded("ledger.jsonl", _ledger(folder, trusted))
    trust = Trust(frozenset(trusted), tuple(authorities), tuple(time_authorities))
    yield from guarded("seal.sig.tsr", _seal_time(folder, trust))
    yield from guarded("certificates", verify_certificates(folder, trust))
    if isinstance(recording, Recording):
        yield from guarded("seal.json", _seal_against(recording))
        for stream in recording.streams.values():
            yield from guarded(f"audio/s{stream.stream}", _sound(recording, stream, digests))
        yield from guarded("transcripts", verify_runs(recording))
        yield from _completeness(recording)


def verdicts(findings: Iterable[Finding]) -> tuple[Outcome, Outcome]:
    """(integrity, completeness): the worst outcome of each, fail before unknown before pass; unknown if nothing was checked."""
    worst: dict[str, Outcome] = {}
    order: list[Outcome] = ["pass", "unknown", "fail"]
    for found in findings:
        worst[found.verdict] = max(worst.get(found.verdict, "pass"), found.outcome, key=order.index)
    return worst.get("integrity", "unknown"), worst.get("completeness", "unknown")


def _strange(folder: SessionFolder) -> Iterator[Finding]:
    """Links, pipes, devices and giants: to read one could lead out of the folder or never end, so nothing is read beside one."""
    whole = {folder.session_json, folder.seal, folder.seal_key, folder.seal_signature, folder.sums, folder.salts}
    for path, found in folder.entries():
        if not is_plain(found):
            yield failed(folder.relative(path), "It is neither a file nor a folder but leads elsewhere: nothing was read.")
        elif found.st_size > LARGEST_BYTES and (path in whole or path.name == run.RUN_JSON):
            yield failed(folder.relative(path), "It is much too large to be what it should be: nothing was read.")


def _open(folder: SessionFolder) -> Recording | Finding:
    try:
        folder.read_session()
    except UnsupportedFormat:
        raise
    except DAMAGE as error:
        return failed("session.json", str(error))
    try:
        return read_recording(folder)
    except DAMAGE as error:
        return failed("journal.jsonl", str(error))


def _seal(folder: SessionFolder, trusted: Collection[str]) -> Iterator[Finding]:
    if not folder.is_sealed:
        yield unknown("seal.json", "The session is not sealed: nothing says what it should hold.")
        return
    missing = [path.name for path in (folder.seal, folder.seal_key, folder.seal_signature) if not path.is_file()]
    for name in missing:
        yield failed(name, "The file is missing.")
    if missing:
        return
    pem, statement = folder.seal_key.read_bytes(), folder.seal.read_bytes()
    try:
        fingerprint = keys.fingerprint(pem)
    except ValueError as error:
        yield failed("seal.pub.pem", f"It is not a public key: {error}.")
        return
    signer = parse_canonical(statement, what="seal.json").get("signer")
    if not keys.is_signed(pem, folder.seal_signature.read_bytes(), statement):
        yield failed("seal.sig", "The signature does not fit the seal.")
    elif signer != {"algorithm": keys.ALGORITHM, "public_key": fingerprint}:
        yield failed("seal.pub.pem", "The key is not the one the seal names.")
    else:
        yield passed("seal.sig", "The signature fits the seal.")
    if fingerprint in trusted:
        yield passed("seal.pub.pem", "The seal was made with a key you trust.")
    else:
        yield unknown("seal.pub.pem", f"{stranger(fingerprint)} Compare this with the fingerprint you were given.")


def _seal_against(recording: Recording) -> Iterator[Finding]:
    """The seal's statement against what the folder holds now."""
    folder = recording.folder
    if not folder.is_sealed:
        return
    try:
        seal = read_seal(folder)
    except DAMAGE:
        return  # `_seal` has said so
    expected = {
        "everyword_seal": FORMAT,
        "session": recording.session.id,
        "session_json": folder.genesis(),
        "journal": journal_state(recording),
        "roots": roots_of(recording),
        "sha256sums": file_digest(folder.sums) if folder.sums.exists() else "missing",
        "completeness": completeness(recording),
    }
    names = {"journal": "journal.jsonl", "session_json": "session.json", "sha256sums": "SHA256SUMS"}
    wrong = [names.get(name, f"seal.json: {name}") for name, value in expected.items() if seal.get(name) != value]
    for name in wrong:
        yield failed(name, "It is not what the seal says.")
    try:
        if seal.get("salts") != salt_commitment(folder.read_seed()):
            yield failed("salts.key", "It is not the seed the seal commits to.")
    except EverywordError as error:
        yield failed("salts.key", error.sentence)
    if not wrong:
        yield passed("seal.json", "Session, journal, roots and completeness are what the seal says.")


def _sums(folder: SessionFolder, digests: dict[str, str]) -> Iterator[Finding]:
    """Every file SHA256SUMS lists, and no other; the digests found go into `digests`, so that no file is hashed twice."""
    if not folder.is_sealed:
        return
    listed, present = read_sums(folder), set(sealed_files(folder.path))
    both = sorted(listed.keys() & present)
    with ThreadPoolExecutor(WORKERS) as pool:  # hashing lets other threads run
        digests.update(zip(both, pool.map(lambda name: file_digest(folder.path / name), both), strict=True))
    changed = {name for name in both if digests[name] != listed[name]}
    for name in sorted(listed.keys() - present):
        yield failed(name, "The file is missing.")
    for name in sorted(changed):
        yield failed(name, "The file was changed.")
    for name in sorted(present - listed.keys()):
        yield failed(name, "The file was not there when the session was sealed.")
    if not changed and present == listed.keys():
        yield passed("SHA256SUMS", f"{len(listed)} files have the digest they had at the seal.")


def _sound(recording: Recording, stream: Stream, digests: dict[str, str]) -> Iterator[Finding]:
    """Each segment of a stream, and whether the journal lists just the seconds they hold."""
    subject, seed = f"audio/s{stream.stream}", recording.folder.read_seed()
    seconds, good = 0, True
    for segment in recording.of_stream(stream.stream):
        seconds += -(-(segment.first_frame + segment.frame_count) // stream.rate_hz) - segment.first_frame // stream.rate_hz
        for found in guarded(segment.path, _segment(recording, stream, segment, seed, digests)):
            good = False
            yield found
    if seconds != sum(number == stream.stream for number, _ in recording.leaves):
        yield failed(subject, "The journal lists seconds that the audio files do not hold.")
    elif good:
        yield passed(subject, f"{seconds} seconds on {stream.channels} channels are the sound that was journalled.")


def _segment(
    recording: Recording, stream: Stream, segment: AudioSegment, seed: bytes, digests: dict[str, str]
) -> Iterator[Finding]:
    """What is wrong with one file: its header, its digest, and each second of each channel against its leaf."""
    path = recording.folder.path / segment.path
    layout = read_layout(path)
    if (layout.rate_hz, layout.channels, layout.sample_format) != (stream.rate_hz, stream.channels, stream.sample_format):
        yield failed(segment.path, "Its header does not say the format the journal says.")
    if (digests.get(segment.path) or file_digest(path)) != segment.digest:
        yield failed(segment.path, "The file is not the one the journal lists.")
    wrong = altered_seconds(recording, stream, segment, seed=seed)
    for channel, (track, stretches) in enumerate(zip(stream.tracks, wrong, strict=True)):
        for first, end in stretches:
            place = "–".join(clock_text(index * stream.rate_hz, stream.rate_hz) for index in (first, end))
            what = f"Track {track} (channel {channel}), second{'s' * (end > first + 1)} {place}"
            yield failed(segment.path, f"{what}, is not the sound that was sealed.")


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
                yield failed("ledger.jsonl", "Its first line does not name this session and its seal.")
            continue
        signer = ledger.signer(line)
        if signer is None:
            unsigned.append(str(count))
        elif signer not in trusted:
            strangers.add(signer)
    if not count:
        yield unknown("ledger.jsonl", "It is empty: it was cut off before its first line.")
        return
    yield passed("ledger.jsonl", f"{count} lines, each follows from the one before.")
    if unsigned:
        yield unknown("ledger.jsonl", f"Nobody has signed line {', '.join(unsigned)}.")
    for signer in sorted(strangers):
        yield unknown("ledger.jsonl", stranger(signer))


def _seal_time(folder: SessionFolder, trust: Trust) -> Iterator[Finding]:
    token = folder.seal_signature.with_name("seal.sig.tsr")
    if token.exists():
        signature = folder.seal_signature.read_bytes()
        for found in checker.check_token(token.read_bytes(), signature, b"", trust, token.name):
            yield converted(found)


def _completeness(recording: Recording) -> Iterator[Finding]:
    """What the recorder itself says is missing, and whether the pieces on disk lie end to end."""
    if recording.stop is None:
        yield finding("completeness", "unknown", "journal.jsonl", "The recording has not been stopped, or was cut off.")
    for stream in recording.streams.values():
        pieces = sorted(
            [(s.first_frame, s.frame_count) for s in recording.of_stream(stream.stream)]
            + [(g.first_frame, g.frame_count) for g in recording.gaps if g.stream == stream.stream and not g.filled]
        )
        frame = 0
        for first, count in pieces:
            if first != frame:
                sentence = f"Frames {frame} to {first} of stream {stream.stream} are neither on disk nor journalled as a gap."
                yield finding("completeness", "fail", f"audio/s{stream.stream}", sentence)
            frame = first + count
    statement = completeness(recording)
    if statement["complete"]:
        yield finding("completeness", "pass", "seal.json", "The recorder noticed no gap.")
    for gap in recording.gaps:
        rate_hz = recording.streams[gap.stream].rate_hz
        length_ms = gap.frame_count * 1000 // rate_hz
        place = clock_text(gap.first_frame, rate_hz)
        if gap.is_withheld:
            wanted = f"{length_ms} ms at {place} of stream {gap.stream} were withheld ({gap.cause}, by {gap.by!r})."
            yield finding("completeness", "pass", "journal.jsonl", wanted)
            continue
        sentence = f"{length_ms} ms are missing at {place} of stream {gap.stream} ({gap.cause})."
        yield finding("completeness", "unknown", "journal.jsonl", sentence)
    for alarm in recording.alarms:
        if alarm.loss:
            yield finding("completeness", "unknown", "journal.jsonl", alarm.text)
    if recording.torn_bytes:
        sentence = f"{recording.torn_bytes} bytes at the end of the journal were torn and moved aside."
        yield finding("completeness", "unknown", "journal.jsonl", sentence)
