"""Values travel whole through a pipe, however large and however late they are asked for."""

import io
import subprocess
import sys

import pytest

from archive.index.pipe import Inbox, receive, send

CHILD = """
import sys
from archive.index.pipe import send
for number in range(20):
    send(sys.stdout.buffer, (number, "x" * 100_000))
print("sent", file=sys.stderr, flush=True)
"""


def test_a_child_is_done_before_anybody_asks() -> None:
    with subprocess.Popen([sys.executable, "-P", "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stderr
        inbox = Inbox(child.stdout)
        assert b"sent\n" == child.stderr.readline()  # two megabytes went into a pipe of 64 KiB
        assert [(number, "x" * 100_000) for number in range(20)] == list(iter(inbox.next, None))
        assert inbox.next() is None
        inbox.close()


@pytest.mark.parametrize("missing", [1, 5, 12])
def test_a_torn_value_is_the_end(missing: int) -> None:
    stream = io.BytesIO()
    send(stream, "whole")
    whole = len(stream.getvalue())
    send(stream, "torn")
    torn = io.BytesIO(stream.getvalue()[:-missing])
    assert whole == len(receive(torn) or b"") + 8
    assert receive(torn) is None
