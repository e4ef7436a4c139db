"""The shape of the code: who may import whom, no cycles, no giants, a docstring on everything public."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["everyword", "recorder", "transcribe", "archive", "desk"]
MODULES = sorted([ROOT / "cli.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))])
LONGEST_FUNCTION = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, Function):
            yield node


def _length(function: Function) -> int:
    """Lines without the docstring: explaining oneself is not what makes a function long."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def _lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-P", "-c", code, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_every_import_contract_is_kept() -> None:
    done = _lint_imports(ROOT)
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("archive/planted.py", "import recorder", "recorder, transcribe and archive meet only on disk"),
        ("everyword/planted.py", "import archive", "recorder, transcribe and archive meet only on disk"),
        (
            "desk/planted.py",
            "import sounddevice",
            "the archive, the desk and the vocabulary never touch sound hardware or models",
        ),
        ("recorder/planted.py", "import cli", "nothing imports the command line"),
        (
            "recorder/disk/tape.py",
            "import recorder.processes.feed",
            "in the recorder, processes use what detects, stores and sounds, never the other way round",
        ),
        (
            "transcribe/evidence/account.py",
            "import transcribe.reading.looks",
            "in transcribe, sound becomes readings, readings a record, and only then it is asked who spoke",
        ),
        ("recorder/disk/gaps.py", "import subprocess", "pure modules do no input or output"),
    ],
)
def test_a_planted_import_breaks_its_contract(module: str, line: str, contract: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("cli.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    planted = tmp_path / module
    planted.write_text((planted.read_text(encoding="utf-8") if planted.exists() else "") + f"\n{line}\n", encoding="utf-8")
    done = _lint_imports(tmp_path)
    assert 1 == done.returncode, done.stdout + done.stderr
    assert f"{contract} BROKEN" in " ".join(done.stdout.split())


def _circles(packages: list[str]) -> list[tuple[str, str]]:
    """Every import that leads back to the module it stands in."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    return [
        (importer, imported)
        for importer in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if importer in graph.find_upstream_modules(imported)
    ]


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert [] == _circles(PACKAGES)


def test_a_planted_circle_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"__init__": "", "one": "import circling.two", "two": "import circling.one"}.items():
        (tmp_path / "circling").mkdir(exist_ok=True)
        (tmp_path / "circling" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert [("circling.one", "circling.two"), ("circling.two", "circling.one")] == _circles(["circling"])


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{_name(path)}:{f.lineno} {f.name}: {_length(f)}"
        for path in MODULES
        for f in _functions(path)
        if _length(f) > LONGEST_FUNCTION
    ]
    assert [] == long


def _undocumented(path: Path) -> Iterator[str]:
    tree = _tree(path)
    if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(tree):
        yield _name(path)
    holders: list[ast.Module | ast.ClassDef] = [tree]
    while holders:
        for node in holders.pop().body:
            if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
                if not ast.get_docstring(node) and not _is_overload_or_override(node):
                    yield f"{_name(path)}:{node.lineno} {node.name}"
                if isinstance(node, ast.ClassDef):
                    holders.append(node)


def _is_overload_or_override(node: ast.ClassDef | Function) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id in {"overload", "override"} for decorator in node.decorator_list)


def test_everything_public_has_a_docstring() -> None:
    assert [] == [name for path in MODULES for name in _undocumented(path)]


def test_only_the_terminal_module_prints() -> None:
    found = [
        f"{_name(path)}:{node.lineno}"
        for path in MODULES
        if _name(path) != "everyword/terminal.py"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert [] == found


def test_the_command_line_starts_without_any_heavy_library() -> None:
    heavy = [
        "numpy",
        "sounddevice",
        "soundfile",
        "faster_whisper",
        "ctranslate2",
        "onnxruntime",
        "av",
        "soxr",
        "sqlite_utils",
        "starlette",
    ]
    code = f"import sys, cli; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [] == done.stdout.split()


def test_house_readings() -> None:
    """Sizes are readings, not laws: they are written down for whoever looks (``pytest -rP -k house``), and only have to exist."""
    lengths = [_length(function) for path in MODULES for function in _functions(path)]
    files = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    readings = {
        "functions": len(lengths),
        "mean_function_lines": round(mean(lengths), 1),
        "longest_file": max(files, key=lambda n: files[n]),
    }
    for name, value in readings.items():
        sys.stdout.write(f"{name}: {value}\n")
    assert lengths
