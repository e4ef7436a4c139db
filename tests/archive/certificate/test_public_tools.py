"""What a stranger does who has nothing of ours: the commands of VERIFY.txt as they stand, and verify.py alone."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from archive.certificate import bag
from archive.disclosure import disclose, selection
from archive.record import read_record
from everyword import checker
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Issued
from tests.everyword.sessions import flip

TOOLS = ("sha256sum", "jq", "openssl")


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three tools and nothing else: no Python can be found on this PATH."""
    folder = tmp_path_factory.mktemp("tools")
    for name in TOOLS:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed")
        (folder / name).symlink_to(found)
    return folder


def run(commands: list[str], *, at: Path, tools: Path) -> list[subprocess.CompletedProcess[str]]:
    """Each command in a shell of its own, in the bundle."""
    return [
        subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=at,
            env={"PATH": str(tools), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        for command in commands
    ]


def commands(path: Path) -> list[str]:
    """Of VERIFY.txt."""
    return bag.commands((path / "VERIFY.txt").read_bytes())


def test_python_is_not_on_the_path(issued: Issued, tools: Path) -> None:
    (done,) = run(["python3 --version"], at=issued.bundle, tools=tools)
    assert 127 == done.returncode


def test_every_command_uses_the_three_tools_alone(issued: Issued) -> None:
    plain = [re.sub("'[^']*'", "", command) for command in commands(issued.bundle)]
    assert 8 == len(plain)
    assert set(TOOLS) == {part.split()[0] for command in plain for part in command.split("|")}


def test_the_commands_pass_as_they_stand(issued: Issued, tools: Path) -> None:
    done = run(commands(issued.bundle), at=issued.bundle, tools=tools)
    assert [0] * 8 == [one.returncode for one in done], [one.stderr for one in done]
    assert all(line.endswith(": OK") for place in (0, 1, 2, 6) for line in done[place].stdout.splitlines())
    assert ["Verified OK"] * 2 == [done[place].stdout.strip() for place in (3, 5)]
    assert issued.entry.holder.public_key == f"sha256:{done[4].stdout.split()[0]}"
    assert done[7].stdout.startswith(checker.HEADINGS["C"])


def test_the_command_for_the_time_stamp_passes_as_it_stands(issued: Issued, tools: Path) -> None:
    text = (issued.bundle / "certificate" / "TIME.txt").read_text().replace("\\\n", " ")
    (command,) = [line for line in text.splitlines() if line.startswith("openssl")]
    (done,) = run([command], at=issued.bundle, tools=tools)
    assert (0, "Verification: OK") == (done.returncode, done.stdout.strip() or done.stderr.strip().splitlines()[-1])


@pytest.mark.parametrize(
    ("name", "failing"),
    [
        ("data/session/audio/s1/000000.wav", 0),
        ("data/transcript/transcript.txt", 0),
        ("data/session/ledger.jsonl", 0),
        ("VERIFY.txt", 1),
        ("verify.py", 1),
        ("certificate/manifest.json", 3),
        ("certificate/manifest.sig", 3),
    ],
)
def test_a_change_makes_one_of_the_commands_fail(name: str, failing: int, issued: Issued, path: Path, tools: Path) -> None:
    lines = commands(path)
    flip(path / name, (path / name).stat().st_size - 3)
    assert run(lines, at=path, tools=tools)[failing].returncode


def test_a_change_with_all_lists_made_anew_still_fails_at_the_signature(path: Path, tools: Path) -> None:
    flip(path / "data/transcript/transcript.txt", 100)
    forge.restate(path)
    done = run(commands(path), at=path, tools=tools)
    assert ([0, 0, 0], 1) == ([one.returncode for one in done[:3]], done[3].returncode)


def test_the_commands_of_a_redacted_copy_pass_as_they_stand(issued: Issued, tools: Path, tmp_path: Path) -> None:
    record = read_record(issued.folder)
    path = disclose.redact(
        record,
        issued.certificate,
        selection.numbered([selection.Hide(1)], reason="privacy"),
        with_sound=False,
        entry=issued.entry,
        signer=issued.signer,
        to=tmp_path,
    )
    done = run(commands(path), at=path, tools=tools)
    assert [0] * 8 == [one.returncode for one in done], [one.stderr for one in done]
    assert "R-01  privacy" in done[7].stdout


# verify.py


def verify_py(path: Path, *arguments: str, path_variable: str | None = None) -> subprocess.CompletedProcess[str]:
    """The bundle's own verifier, by a Python that can import nothing of ours (-I) or of others (-S)."""
    environment = {
        "PATH": path_variable if path_variable is not None else str(Path(shutil.which("openssl") or "/usr/bin/x").parent)
    }
    command = [sys.executable, "-I", "-S", str(path / "verify.py"), *arguments]
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)


def given(issued: Issued) -> list[str]:
    """What the stranger was given: the fingerprint on paper, and the authority's certificate."""
    return [
        "--fingerprint",
        issued.entry.holder.public_key.removeprefix("sha256:").upper(),
        "--tsa-ca",
        str(issued.authority.root),
    ]


def test_the_verifier_in_the_bundle_needs_nothing_but_python(issued: Issued) -> None:
    done = verify_py(issued.bundle, *given(issued))
    assert (0, "VERIFIED", "") == (done.returncode, done.stdout.splitlines()[-1], done.stderr)


def test_the_verifier_in_the_bundle_leaves_nothing_behind(issued: Issued, path: Path) -> None:
    before = sorted(path.rglob("*"))
    verify_py(path, *given(issued))
    assert before == sorted(path.rglob("*"))


def test_without_openssl_the_time_stamp_is_unknown_never_passed(issued: Issued) -> None:
    done = verify_py(issued.bundle, *given(issued), path_variable="/nowhere")
    assert (3, 1) == (done.returncode, done.stdout.count("UNKNOWN certificate"))
    assert "openssl is not here" in done.stdout


@pytest.mark.parametrize(
    ("tamper", "code"),
    [("data/session/audio/s1/000000.wav", 4), ("certificate/manifest.json", 4), ("data/transcript/transcript.json", 4)],
)
def test_the_verifier_in_the_bundle_finds_a_flipped_bit(tamper: str, code: int, issued: Issued, path: Path) -> None:
    flip(path / tamper, 2000)
    assert code == verify_py(path, *given(issued)).returncode


def test_what_is_no_bundle_ends_with_1(issued: Issued, tmp_path: Path) -> None:
    assert 1 == verify_py(issued.bundle, str(tmp_path)).returncode
    assert 1 == verify_py(issued.bundle, str(tmp_path / "nothing")).returncode


def test_its_json_is_what_its_lines_say(issued: Issued) -> None:
    import json

    answer = json.loads(verify_py(issued.bundle, *given(issued), "--json").stdout)
    assert (0, {"pass"}) == (answer["exit_code"], {one["outcome"] for one in answer["findings"]})


def test_it_imports_nothing_but_the_standard_library() -> None:
    import ast

    tree = ast.parse(Path(checker.__file__).read_text(encoding="utf-8"))
    names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert set() == names - set(sys.stdlib_module_names)


def test_its_own_signatures_agree_with_those_of_the_library(issued: Issued) -> None:
    quick, own = forge.check(issued.bundle, issued.trust), list(checker.verify(issued.bundle, issued.trust))
    assert quick == own
