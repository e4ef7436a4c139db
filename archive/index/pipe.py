"""Values from one process to another, by a pipe that is emptied while the receiver is busy with something else.

A pipe holds 64 KiB: without the thread that empties it, whoever writes would wait until somebody reads.
"""

import pickle
import threading
from queue import Queue
from typing import IO

_LENGTH_BYTES = 8


def send(stream: IO[bytes], value: object) -> None:
    """Write one value, in one go.

    Raises:
        OSError: nobody reads any more.
    """
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(_LENGTH_BYTES, "little"))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """The next value, still to be unpickled; None at the end, also where it is torn."""
    try:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        data = stream.read(length)
    except OSError:
        return None
    return data if length and len(data) == length else None


class Inbox:
    """What a child of ours sends, kept until it is asked for; `most` values at a time, 0 is any number.

    To be closed when the child is dead or done.
    """

    def __init__(self, stream: IO[bytes], *, most: int = 0) -> None:
        self._stream = stream
        self._values: Queue[bytes | None] = Queue(most)
        self._thread = threading.Thread(target=self._empty, daemon=True)
        self._thread.start()

    def next(self) -> object | None:
        """Waits for it; None at the end, which may be asked for again."""
        data = self._values.get()
        if data is None:
            self._values.put(None)
            return None
        value: object = pickle.loads(data)  # noqa: S301  (written by our own child)
        return value

    def close(self) -> None:
        """Let go of the pipe."""
        self._thread.join()
        self._stream.close()

    def _empty(self) -> None:
        while (data := receive(self._stream)) is not None:
            self._values.put(data)
        self._values.put(None)
