"""What a child process says reaches its supervisor, also when it is the last thing it does."""

import io
import json
import time
from collections.abc import Iterator

import pytest

from everyword.errors import InputLost, InvalidOption
from recorder.processes.children import Child


class Ended:
    """A process that has ended, and whose last words are still on their way."""

    pid = 1
    stdin = io.StringIO()
    returncode = 2

    def __init__(self, *words: dict[str, object]) -> None:
        self.stdout = self._slowly(words)

    def _slowly(self, words: tuple[dict[str, object], ...]) -> Iterator[str]:
        time.sleep(0.5)
        yield from (json.dumps(word) + "\n" for word in words)

    def poll(self) -> int:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        return self.returncode

    def kill(self) -> None:
        pass


def test_the_error_of_a_child_that_has_ended_is_waited_for() -> None:
    error = {"code": "invalid-option", "sentence": "room has 2 channels, not 8.", "hint": ""}
    child = Child.of("recorder.processes.capture", Ended({"error": error}))  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match=r"room has 2 channels, not 8\."):
        child.wait_for("ready", timeout_s=20)


def test_a_child_that_ends_without_a_word_is_not_waited_for() -> None:
    child = Child.of("recorder.processes.capture", Ended())  # type: ignore[arg-type]
    with pytest.raises(InputLost, match="exit code 2"):
        child.wait_for("ready", timeout_s=20)
