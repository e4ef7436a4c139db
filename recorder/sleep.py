"""The computer is kept awake while it records, where logind can be asked for it.

A lock of systemd-logind (https://systemd.io/INHIBITOR_LOCKS): it lasts as long as its file descriptor, so the system takes it
back however this process ends.  Somebody with the right to do so can send the computer to sleep all the same;
`recorder.detection.cadence` sees that.
"""

import os
from dataclasses import dataclass

WANTED = ("sleep:idle:handle-lid-switch", "sleep:idle", "idle")
"""What is asked for, the most first: not everybody may keep a laptop awake whose lid is closed."""

ANSWER_S = 2.0


@dataclass(slots=True)
class Awake:
    """The lock, or the absence of one: ``what`` it keeps off, empty when logind is not there or refuses."""

    what: str = ""
    _descriptor: int = -1

    @property
    def is_held(self) -> bool:
        """True while logind keeps the computer awake for us."""
        return self._descriptor >= 0

    def release(self) -> None:
        """Let it sleep again."""
        if self.is_held:
            os.close(self._descriptor)
            self._descriptor = -1


def keep_awake(why: str) -> Awake:
    """Ask for as much of `WANTED` as is given; never fails and answers within a few seconds.

    Args:
        why: what the user is shown whose computer does not sleep.
    """
    try:
        return _ask(why)
    except Exception:  # noqa: BLE001  (no bus, no socket, another protocol: whatever it is, the recording goes on without)
        return Awake()


def _ask(why: str) -> Awake:
    # Not needed to record, and a computer may lack the service they speak to.
    from jeepney import DBusAddress, MessageType, new_method_call  # type: ignore[import-untyped]  # noqa: PLC0415
    from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]  # noqa: PLC0415

    logind = DBusAddress("/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager")
    with open_dbus_connection(bus="SYSTEM", enable_fds=True, auth_timeout=ANSWER_S) as connection:
        for what in WANTED:
            call = new_method_call(logind, "Inhibit", "ssss", (what, "Everyword", why, "block"))
            reply = connection.send_and_get_reply(call, timeout=ANSWER_S)
            if reply.header.message_type == MessageType.method_return:
                descriptor = reply.body[0].to_raw_fd()
                os.set_inheritable(descriptor, False)  # or every child would keep the computer awake
                return Awake(what, descriptor)
    return Awake()
