"""Every error is a sentence, a code, an exit code and a next step."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import everyword
from everyword import errors
from everyword.errors import EverywordError

ROOT = Path(everyword.__file__).parent
DOCUMENTED = {1, 2, 4, 5, 6, 7}
"""Exit codes an error may have; 0, 3 and 130 belong to commands that raise none."""


def _classes(base: type[EverywordError] = EverywordError) -> Iterator[type[EverywordError]]:
    for name in (module.name for module in pkgutil.iter_modules([str(ROOT)]) if module.name != "__main__"):
        importlib.import_module(f"everyword.{name}")
    yield base
    for child in base.__subclasses__():
        yield from _classes(child)


OWN = sorted({kind for kind in _classes() if kind.__module__.startswith("everyword.")}, key=lambda kind: kind.__name__)


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in OWN]
    assert sorted(set(codes)) == sorted(codes)
    assert [] == [code for code in codes if not re.fullmatch(r"[a-z]+(-[a-z]+)*", code)]


@pytest.mark.parametrize("kind", OWN)
def test_every_class_has_a_documented_exit_code_and_says_what_it_means(kind: type[EverywordError]) -> None:
    assert kind.exit_code in DOCUMENTED
    assert (kind.__doc__ or "").split("\n")[0].endswith(".")


def test_an_error_carries_its_sentence_and_its_own_hint_or_the_usual_one() -> None:
    own, usual = errors.SessionNotFound("No.", hint="Go."), errors.SessionNotFound("No.")
    assert ("No.", "No.", "Go.") == (str(own), own.sentence, own.hint)
    assert errors.SessionNotFound.default_hint == usual.hint


def _sentences(path: Path) -> Iterator[tuple[str, ast.expr]]:
    """Each raise of an Everyword error, with the expression its sentence is."""
    names = {kind.__name__ for kind in OWN} - {"BrokenChain"}  # BrokenChain puts the full stop itself
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        call = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names:
            yield f"{path.name}:{call.lineno}", call.args[0]


def _end(sentence: ast.expr) -> str:
    last = sentence.values[-1] if isinstance(sentence, ast.JoinedStr) else sentence
    return last.value if isinstance(last, ast.Constant) and isinstance(last.value, str) else ""


def test_every_sentence_begins_like_one_and_ends_with_a_full_stop() -> None:
    found = [pair for path in sorted(ROOT.glob("*.py")) for pair in _sentences(path)]
    assert len(found) > 20
    assert [] == [place for place, sentence in found if not _end(sentence).endswith(".")]
