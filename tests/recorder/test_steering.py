"""What people order becomes orders for the writer, until they are carried out."""

from pathlib import Path

import pytest

from everyword.folder import SessionFolder
from recorder.operator.control import Control
from recorder.processes import steering
from recorder.processes.steering import Steering
from recorder.request import Order, Unattended


class Scripted(Unattended):
    """A panel with keys pressed in advance."""

    def __init__(self, *orders: Order) -> None:
        self.orders = list(orders)
        self.told: list[str] = []

    def take(self) -> list[Order]:
        orders, self.orders = self.orders, []
        return orders

    def tell(self, sentence: str) -> None:
        self.told.append(sentence)


def steered(*orders: Order) -> tuple[Steering, Scripted]:
    panel = Scripted(*orders)
    return Steering([SessionFolder(Path("/nowhere"))], "Anna", panel, Control()), panel


def wait(one: Steering, **status: object) -> list[Order]:
    return one.wait(0, [], dict(status))


def kinds(orders: list[Order]) -> list[str]:
    return [kind for order in orders for kind in ("pause", "resume") if kind in order]


def test_a_pause_says_who_wanted_it_and_has_an_id() -> None:
    one, _ = steered({"pause": "paused", "by": "Boris"})
    (order,) = wait(one)
    assert ("paused", "Boris", 26) == (order["cause"], order["by"], len(str(order["pause"])))


def test_off_the_record_during_a_pause_ends_the_one_and_begins_the_other() -> None:
    one, _ = steered({"pause": "off-record"})
    orders = wait(one, pause={"id": "P1", "cause": "paused"})
    assert ["resume", "pause"] == kinds(orders)
    assert ("P1", "off-record") == (orders[0]["resume"], orders[1]["cause"])


@pytest.mark.parametrize(
    ("order", "status", "words"),
    [
        ({"resume": True}, None, "It is not paused."),
        ({"pause": "paused"}, {"id": "P1", "cause": "paused"}, "It is paused already."),
        ({"pause": "for ever"}, None, "This Everyword does not know that order."),
        ({"explode": True}, None, "This Everyword does not know that order."),
    ],
)
def test_an_order_that_makes_no_sense_is_answered(order: Order, status: object, words: str) -> None:
    one, panel = steered(order)
    assert ([], [words]) == (wait(one, pause=status), panel.told)


def test_an_order_is_given_again_until_the_writer_confirms_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "AGAIN_S", -1.0)
    one, _ = steered({"pause": "paused"})
    first, again = wait(one), wait(one)
    one.confirm({"pauses": [[again[0]["pause"], False]]})
    assert (["pause"], first, []) == (kinds(first), again, wait(one))


def test_two_keys_before_the_writer_has_answered_follow_each_other() -> None:
    one, _ = steered({"pause": "paused"}, {"resume": True})
    orders = wait(one)
    assert ["pause", "resume"] == kinds(orders)
    assert orders[0]["pause"] == orders[1]["resume"]


def test_a_resume_is_confirmed_by_the_end_of_its_pause() -> None:
    one, _ = steered({"resume": True})
    wait(one, pause={"id": "P1", "cause": "paused"})
    one.confirm({"pauses": [["P1", False]]})
    before = len(one.pending)
    one.confirm({"pauses": [["P1", True]]})
    assert (1, 0) == (before, len(one.pending))


def test_a_name_that_would_steer_a_terminal_does_not_reach_the_record() -> None:
    one, panel = steered({"pause": "paused", "by": "\x1b[2J"})
    assert [] == wait(one)
    assert 1 == len(panel.told)


def test_stop_says_who_wanted_it() -> None:
    one, _ = steered({"stop": True, "by": "Boris"})
    wait(one)
    assert "Boris" == one.stopped_by
