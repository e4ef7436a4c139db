"""The commands as people use them: keys, certify, bundle, timestamp, clip, redact, verify."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cli
from everyword.errors import EverywordError
from everyword.folder import SessionFolder
from tests.archive import builders
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import PASSPHRASE, Authority

Run = Callable[..., Result]
NAME = "Anna Reed"


@pytest.fixture
def ew(home: Path) -> Run:
    """Run ``everyword …``; what is typed at its questions comes as `typed`."""

    def run(*arguments: str, typed: tuple[str, ...] = ()) -> Result:
        result = CliRunner().invoke(cli.app, list(arguments), input="".join(f"{line}\n" for line in typed), prog_name="everyword")
        if result.exception is not None and not isinstance(result.exception, SystemExit | EverywordError):
            raise result.exception
        return result

    assert home.name == "home"
    return run


@pytest.fixture
def session(ew: Run, tmp_path: Path) -> SessionFolder:
    """A reviewed session, and a key called anna."""
    assert 0 == ew("keys", "create", "anna", "--holder", NAME, typed=(PASSPHRASE, PASSPHRASE)).exit_code
    folder = forge.a_session(tmp_path, seconds=9)
    builders.review_all(folder)
    return folder


def data(result: Result) -> Any:
    """What ``--json`` answered."""
    return json.loads(result.stdout)["data"]


def certify(ew: Run, session: SessionFolder, *more: str, typed: tuple[str, ...] = (PASSPHRASE, NAME)) -> Result:
    """Certify without the formats that take a moment."""
    return ew("certify", str(session.path), "--key", "anna", "--role", "court reporter", "--format", "txt", *more, typed=typed)


def test_from_the_key_to_a_verified_bundle(ew: Run, session: SessionFolder, tmp_path: Path) -> None:
    made = certify(ew, session, "--to", str(tmp_path / "out"))
    assert 0 == made.exit_code, made.output
    path = Path(made.stdout.strip())
    (key,) = data(ew("keys", "list", "--json"))
    checked = ew("verify", str(path), "--fingerprint", key["fingerprint"], "--json")
    assert (0, "pass", "pass") == (checked.exit_code, data(checked)["integrity"], data(checked)["completeness"])
    assert 4 == _after_a_flip(ew, path)


def _after_a_flip(ew: Run, path: Path) -> int:
    sound = path / "data/session/audio/s1/000000.wav"
    sound.write_bytes(sound.read_bytes()[:-1] + b"x")
    return ew("verify", str(path)).exit_code


def test_what_is_signed_is_shown_before_the_name_is_asked_for(ew: Run, session: SessionFolder) -> None:
    made = certify(ew, session)
    shown, _, _ = made.stderr.partition("To sign this, type your name")
    assert "TRANSCRIPT CERTIFIED BY THE NAMED REVIEWER" in shown
    assert "I listened to the whole of the recording" in shown
    assert "Transcript SHA-256: sha256:" in shown


def test_another_name_signs_nothing(ew: Run, session: SessionFolder) -> None:
    made = certify(ew, session, typed=(PASSPHRASE, "Anna"))
    assert (2, False) == (made.exception.exit_code, (session.path / "certificates").exists())  # type: ignore[union-attr]


def test_a_wrong_passphrase_signs_nothing(ew: Run, session: SessionFolder) -> None:
    made = certify(ew, session, typed=("wrong horse", NAME))
    assert ("key-locked", False) == (made.exception.code, (session.path / "certificates").exists())  # type: ignore[union-attr]


def test_two_passphrases_that_differ_make_no_key(ew: Run, home: Path) -> None:
    assert ew("keys", "create", "bob", "--holder", "Bob", typed=(PASSPHRASE, "other horse")).exception
    assert not (home / "keys").exists()


def test_a_level_that_the_review_does_not_carry_is_refused_with_the_way_out(ew: Run, session: SessionFolder) -> None:
    builders.correct(session, 1, to="Something else.")
    made = certify(ew, session, "--level", "C")
    assert isinstance(made.exception, EverywordError)
    assert ("not-certifiable", True) == (made.exception.code, "--level R" in made.exception.hint)


def test_the_bundle_can_be_written_again_as_a_zip_file(ew: Run, session: SessionFolder, tmp_path: Path) -> None:
    certify(ew, session)
    path = ew("bundle", str(session.path), "--to", str(tmp_path / "out"), "--zip").stdout.strip()
    assert path.endswith("-r1.zip")
    assert 0 == ew("verify", path).exit_code


def test_a_time_stamp_waits_for_the_network_and_comes_later(ew: Run, session: SessionFolder, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    made = certify(ew, session, "--tsa", "http://127.0.0.1:9/", "--json")
    assert (3, False) == (made.exit_code, data(made)["is_stamped"])
    assert 3 == ew("verify", str(session.path)).exit_code
    with authority.served() as address:
        stamped = ew("timestamp", "--tsa", address, "--json")
    assert (0, ["attached"]) == (stamped.exit_code, [one["state"] for one in data(stamped)["objects"]])
    bundle = ew("bundle", str(session.path), "--to", str(tmp_path / "out")).stdout.strip()
    assert [0, 3] == [ew("verify", bundle, "--tsa-ca", str(authority.root)).exit_code, ew("verify", bundle).exit_code]
    assert "Nothing waits" in ew("timestamp", "--tsa", "http://127.0.0.1:9/").stderr


def test_the_pdf_is_signed_with_the_same_key_and_stamped_when_there_is_a_network(
    ew: Run, session: SessionFolder, tmp_path: Path
) -> None:
    from archive.pages import check_pdf

    found = {}
    with Authority(tmp_path / "authority").served() as address:
        for name in (address, "http://127.0.0.1:9/"):
            made = certify(ew, session, "--format", "pdf", "--tsa", name, "--json")
            found[name] = check_pdf((Path(data(made)["path"]) / "data/transcript/transcript.pdf").read_bytes())
    (key,) = data(ew("keys", "list", "--json"))
    assert {(key["fingerprint"], True, True)} == {(one.fingerprint, one.is_intact, one.covers_file) for one in found.values()}
    assert [True, False] == [one.stamped_at is not None for one in found.values()]


def test_a_request_can_be_carried_to_another_computer(ew: Run, session: SessionFolder, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    certify(ew, session, "--tsa", "http://127.0.0.1:9/")
    (query,) = ew("timestamp", "--requests", str(tmp_path / "stick")).stdout.split()
    (tmp_path / "answer.tsr").write_bytes(authority.answer(Path(query).read_bytes()))
    attached = ew("timestamp", "--attach", str(tmp_path / "answer.tsr"), "--tsa-ca", str(authority.root))
    assert (0, "attached") == (attached.exit_code, attached.stdout.split()[0])


def test_a_web_page_instead_of_a_token_leaves_it_waiting(ew: Run, session: SessionFolder, tmp_path: Path) -> None:
    with Authority(tmp_path / "authority").served(wrong=b"<html>") as address:
        made = certify(ew, session, "--tsa", address, "--json")
    assert (3, False) == (made.exit_code, data(made)["is_stamped"])


def test_an_excerpt_and_a_redacted_copy(ew: Run, session: SessionFolder, tmp_path: Path) -> None:
    certify(ew, session)
    name, out = str(session.path), str(tmp_path / "out")
    clipped = ew("clip", name, "--from", "0:02", "--until", "0:04", "--key", "anna", "--to", out, typed=(PASSPHRASE,))
    redacted = ew(
        *("redact", name, "--phrase", "exchange of prisoners", "--words", "4:1-2", "--reason", "safety", "--key", "anna"),
        *("--to", out, "--zip"),
        typed=(PASSPHRASE,),
    )
    assert [0, 0] == [ew("verify", one.stdout.strip()).exit_code for one in (clipped, redacted)]
    assert redacted.stdout.strip().endswith(".zip")
    kinds = [json.loads(line)["kind"] for line in session.ledger.read_text().splitlines()]
    assert 2 == kinds.count("disclose")


def test_nothing_to_hide_is_an_error(ew: Run, session: SessionFolder, tmp_path: Path) -> None:
    certify(ew, session)
    result = ew("redact", str(session.path), "--reason", "x", "--key", "anna", "--to", str(tmp_path), typed=(PASSPHRASE,))
    assert "nothing to hide" in str(result.exception)


def test_keys_are_exported_without_their_private_half(ew: Run, session: SessionFolder) -> None:
    public = ew("keys", "export", "anna").stdout
    request = ew("keys", "export", "anna", "--format", "request", typed=(PASSPHRASE,)).stdout
    assert public.startswith("-----BEGIN PUBLIC KEY-----")
    assert "BEGIN CERTIFICATE REQUEST" in request
    assert "PRIVATE" not in public + request


def test_a_key_is_shown_in_groups_and_in_words(ew: Run, session: SessionFolder) -> None:
    lines = ew("keys", "list").stdout.splitlines()
    assert (4, 8, 8) == (len(lines), len(lines[1].split("-")), len(lines[2].split()))
    assert "self-asserted" in lines[0]


def test_what_is_neither_a_session_nor_a_bundle_ends_with_1(ew: Run, tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"no")
    for path in (tmp_path / "no.zip", tmp_path):
        assert isinstance(error := ew("verify", str(path)).exception, EverywordError)
        assert 1 == error.exit_code


def test_a_fingerprint_that_is_none_is_an_error(ew: Run, session: SessionFolder) -> None:
    error = ew("verify", str(session.path), "--fingerprint", "1234").exception
    assert isinstance(error, EverywordError)
    assert 2 == error.exit_code


def test_a_damaged_key_ring_does_not_stand_in_the_way_of_verifying(ew: Run, session: SessionFolder, home: Path) -> None:
    (home / "keys" / "anna.pub.pem").write_text("rubbish")
    checked = ew("verify", str(session.path))
    assert (3, True) == (checked.exit_code, "anna" in checked.stderr)


def test_what_is_signed_is_shown_even_to_who_asked_for_quiet(ew: Run, session: SessionFolder) -> None:
    """Nobody may sign what they were not shown."""
    from everyword import terminal

    try:
        done = ew(
            "--quiet", "certify", str(session.path), "--key", "anna", "--role", "reporter", "--format", "txt", typed=(PASSPHRASE,)
        )
    finally:
        terminal.set_quiet(False)
    assert "TRANSCRIPT CERTIFIED BY THE NAMED REVIEWER" in done.stderr


def test_a_format_that_a_certificate_does_not_have_is_refused(ew: Run, session: SessionFolder) -> None:
    done = certify(ew, session, "--format", "odt")
    assert (2, "A certificate has no format 'odt'.") == (getattr(done.exception, "exit_code", 0), str(done.exception))


@pytest.mark.parametrize("option", ["--ca", "--tsa-ca"])
def test_a_slip_in_a_path_is_a_usage_error_and_not_tampering(
    option: str, ew: Run, session: SessionFolder, tmp_path: Path
) -> None:
    done = ew("verify", str(session.path), option, str(tmp_path / "none.pem"))
    assert 2 == getattr(done.exception, "exit_code", 0)
    asked = ew("timestamp", str(session.path), "--tsa-ca", str(tmp_path / "none.pem"))
    assert 2 == getattr(asked.exception, "exit_code", 0)


def test_an_address_that_can_be_none_is_told_before_anything_is_signed(ew: Run, session: SessionFolder) -> None:
    done = certify(ew, session, "--tsa", "ftp://x")
    assert (2, False) == (getattr(done.exception, "exit_code", 0), (session.path / "certificates").exists())


def test_a_redacted_copy_with_pages_is_verified_by_drawing_it_anew(ew: Run, session: SessionFolder, tmp_path: Path) -> None:
    assert 0 == certify(ew, session).exit_code
    hidden = ["--phrase", "exchange of prisoners", "--reason", "safety", "--format", "pdf", "--format", "docx", "--no-sound"]
    made = ew("redact", str(session.path), *hidden, "--key", "anna", "--to", str(tmp_path / "out"), typed=(PASSPHRASE,))
    assert 0 == made.exit_code
    checked = ew("verify", made.stdout.strip(), "--json")
    told = {one["subject"] for one in data(checked)["findings"] if "byte for byte" in one["sentence"]}
    assert (0, {f"data/transcript/transcript.{name}" for name in ("pdf", "docx")}) == (checked.exit_code, told)
