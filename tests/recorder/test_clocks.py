"""What is said of the computer's clock."""

from recorder.clocks import MADE, clock_state, clock_trouble


def test_a_clock_before_the_program_was_made_is_told_with_what_to_do() -> None:
    said = clock_trouble(0.0)
    assert "1970-01-01 00:00" in said
    assert "timedatectl" in said


def test_a_clock_after_the_program_was_made_may_be_right() -> None:
    assert "" == clock_trouble(MADE.timestamp())


def test_the_kernel_says_one_of_three_things() -> None:
    assert clock_state() in ("synced", "unsynced", "unknown")
