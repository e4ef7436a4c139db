"""What a user gets from the wheel is what stands in this tree, and the entry point knows its own ``cli.py``."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["everyword", "recorder", "transcribe", "archive", "desk"]
SENTENCE = "everyword: another package in this environment has replaced or removed cli.py."


def _build(kind: str, tree: Path, to: Path) -> Path:
    """Build a wheel or sdist of `tree` with the build backend itself, which needs no network."""
    to.mkdir(parents=True, exist_ok=True)
    code = f"import hatchling.build, sys; print(hatchling.build.build_{kind}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, to], cwd=tree, capture_output=True, text=True, check=True)
    return to / done.stdout.split()[-1]


def _contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Name → content of the wheel built from this tree."""
    return _contents(_build("wheel", ROOT, tmp_path_factory.mktemp("wheel")))


def test_the_wheel_holds_the_five_packages_and_cli_and_nothing_else(wheel: dict[str, bytes]) -> None:
    top = {name.split("/")[0] for name in wheel}
    metadata = {name for name in top if name.endswith(".dist-info")}
    assert {*PACKAGES, "cli.py"} == top - metadata
    assert 1 == len(metadata)


def test_the_wheel_holds_every_module_of_the_tree(wheel: dict[str, bytes]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert modules | {"cli.py"} == {name for name in wheel if name.endswith(".py")}


def test_every_package_says_that_it_is_typed(wheel: dict[str, bytes]) -> None:
    assert [f"{package}/py.typed" for package in PACKAGES if f"{package}/py.typed" not in wheel] == []


def test_the_wheel_brings_the_demo_recording_and_its_licence(wheel: dict[str, bytes]) -> None:
    for name in ("demo.flac", "demo.json", "LICENCE.md"):
        assert (ROOT / "tests" / "data" / name).read_bytes() == wheel[f"everyword/demo_data/{name}"]


def test_the_demo_finds_its_recording_where_the_wheel_puts_it(wheel: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in wheel.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from everyword.demo import demo_recording; print(demo_recording())"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert f"{tmp_path / 'everyword' / 'demo_data' / 'demo.flac'}\n" == done.stdout


def test_a_wheel_made_from_the_sdist_equals_the_direct_one(wheel: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    subprocess.run(["tar", "-xf", _build("sdist", ROOT, tmp_path / "sdist"), "-C", tmp_path / "tree"], check=True)
    (tree,) = (tmp_path / "tree").iterdir()
    assert wheel == _contents(_build("wheel", tree, tmp_path / "again"))


def test_no_file_that_is_shipped_names_a_registry_or_the_path_of_a_machine(wheel: dict[str, bytes]) -> None:
    found = [
        name for name, data in wheel.items() if any(word in data for word in (b"files.python" + b"hosted", str(ROOT).encode()))
    ]
    assert found == []


def test_constraints_pin_one_version_each_and_name_no_place() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if line.count("==") != 1 or "/" in line or "@" in line] == []


def _run_beside(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m everyword`` with `path` as the only other place for modules, before site-packages."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    command = [sys.executable, "-P", "-m", "everyword", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=path)


def test_with_a_foreign_cli_in_front_the_entry_point_refuses_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "cli.py").write_text("def main():\n    print('somebody else')\n")
    done = _run_beside(tmp_path)
    assert (1, "") == (done.returncode, done.stdout)
    assert SENTENCE in done.stderr
    assert "pipx install everyword" in done.stderr


WITHOUT_CLI = """
import runpy, sys
root, beside = sys.argv[1:]
sys.path = [beside, *(path for path in sys.path if path != root)]
runpy.run_module("everyword", run_name="__main__")
"""


def test_without_any_cli_the_entry_point_refuses_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "everyword").symlink_to(ROOT / "everyword")
    command = [sys.executable, "-P", "-c", WITHOUT_CLI, str(ROOT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (1, "") == (done.returncode, done.stdout)
    assert SENTENCE in done.stderr


def test_our_own_cli_is_let_through(tmp_path: Path) -> None:
    done = _run_beside(tmp_path, "--version")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("everyword ")
