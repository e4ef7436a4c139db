"""The pages: text stays text, nothing comes from outside, and nobody outside gets in."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from starlette.testclient import TestClient

from desk import commands
from desk.app import HERE, make_app
from everyword.errors import EverywordError
from everyword.folder import SessionFolder
from tests.archive.builders import Said, transcribed
from tests.helpers import a_session

HOSTILE = '<script>alert("1")</script> {{ 7*7 }} \\" onload=x'


def _client(tmp_path: Path) -> TestClient:
    return TestClient(make_app([tmp_path / "sessions"]), base_url="http://127.0.0.1")


def _id(folder: SessionFolder) -> str:
    return folder.path.name.rpartition("-")[2]


def test_the_list_names_every_session_newest_first(tmp_path: Path) -> None:
    first, second = a_session(tmp_path, title="One"), a_session(tmp_path, title="Two")
    names = sorted([first.path.name, second.path.name], reverse=True)
    page = _client(tmp_path).get("/").text
    assert [name.rpartition("-")[2] for name in names] == re.findall(r'href="/session/(\w+)"', page)


def test_without_sessions_the_list_says_how_to_make_one(tmp_path: Path) -> None:
    assert "everyword record" in _client(tmp_path).get("/").text


def test_hostile_titles_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    folder = a_session(tmp_path, title=HOSTILE)
    for address in ("/", f"/session/{_id(folder)}"):
        page = _client(tmp_path).get(address).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
        assert "{{ 7*7 }}" in page


def test_a_session_that_cannot_be_read_says_why_and_hides_no_other(tmp_path: Path) -> None:
    broken, _ = a_session(tmp_path, title="Broken"), a_session(tmp_path, title="Whole")
    broken.session_json.write_text("{}")
    page = _client(tmp_path).get("/").text
    assert "Whole" in page
    assert 'class="trouble"' in page


@pytest.mark.parametrize("address", ["/", "/static/desk.js", "/session/unknown"])
def test_every_answer_forbids_foreign_content(address: str, tmp_path: Path) -> None:
    headers = _client(tmp_path).get(address).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_pages_name_no_address_but_their_own() -> None:
    texts = [path.read_text(encoding="utf-8") for folder in ("pages", "static") for path in (HERE / folder).iterdir()]
    assert [text for text in texts if "://" in text or "innerHTML" in text or "|safe" in text or "| safe" in text] == []


@pytest.mark.parametrize("name", ["unknown", "..%2F..%2Fetc", "%2e%2e"])
def test_an_unknown_id_is_not_found(name: str, tmp_path: Path) -> None:
    a_session(tmp_path)
    assert _client(tmp_path).get(f"/session/{name}").status_code == 404


def test_the_desk_does_not_answer_to_the_name_of_another_computer(tmp_path: Path) -> None:
    """A page from elsewhere could give its own name the address 127.0.0.1 and read what is here."""
    assert TestClient(make_app([tmp_path]), base_url="http://evil.example").get("/").status_code == 400


def test_nothing_on_the_desk_can_be_changed(tmp_path: Path) -> None:
    client = _client(tmp_path)
    assert {client.request(method, "/").status_code for method in ("POST", "PUT", "DELETE", "PATCH")} == {405}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A desk of its own process, as `everyword desk` starts it, with one transcribed session."""
    transcribed(tmp_path, [Said(HOSTILE, at_s=0.0, length_s=2.0)])
    command = [sys.executable, "-P", "-m", "everyword", "desk", "--port", "0"]
    environment = {**os.environ, "EVERYWORD_HOME": str(tmp_path / "home")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stderr.readline())
        assert found
        yield found[0]
        process.terminate()
        process.stderr.read()


def _events(address: str, count: int, *, last: str = "") -> list[dict[str, str]]:
    """The first `count` events of the only session's feed."""
    with urlopen(address) as page:
        session = re.findall(r'href="/session/(\w+)"', page.read().decode())[0]
    found: list[dict[str, str]] = [{}]
    with urlopen(Request(f"{address}session/{session}/events", headers={"Last-Event-ID": last}), timeout=10) as feed:
        for raw in feed:
            name, _, value = raw.decode().rstrip("\r\n").partition(": ")
            if name:
                found[-1][name] = value
            elif len(found) == count:
                break
            else:
                found.append({})
    return found


def test_a_browser_gets_the_transcript_as_events_and_goes_on_where_it_left_off(address: str) -> None:
    events = _events(address, 5)
    kinds = [event["event"] for event in events]
    assert kinds[-3:] == ["run", "utterance", "told"]
    assert r"<script>alert(\"1\")</script>" in events[-2]["data"]
    again = _events(address, 3, last=events[1]["id"])
    assert kinds[2:] == [event["event"] for event in again]


def test_a_port_in_use_is_a_sentence_with_a_next_step(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-P", "-m", "everyword", "desk", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "--port 0" in done.stderr


def test_without_its_libraries_the_desk_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(EverywordError, match="uvicorn") as caught:
        commands.require_libraries()
    assert caught.value.hint == "pip install 'everyword[desk]'"
