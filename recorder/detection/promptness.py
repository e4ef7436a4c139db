"""How late the blocks of an input usually are, and how many late ones in a row are no chance.  Pure; for `cadence`."""

import math
from dataclasses import dataclass, field

SHORTEST_DOUBT_US = 400_000
LONGEST_DOUBT_US = 10_000_000

_LEVELS_US = (5_000, 10_000, 20_000, 40_000, 80_000, 160_000)
_CHANCE = 1e-7
"""Of a doubt ending in a false alarm, were blocks late independently; hours of bad jitter hold 100,000 doubts."""
_FEWEST_LATE = 5
_LEARNED_AGAIN = 16
"""Blocks' weight of what was learned before the delay changed."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block as the clock sees it: it came behind delivered frame `before`, `excess_us` later than it could have."""

    before: int
    at_us: int
    excess_us: float
    late_by_us: float
    """How much longer than its frames last it took to come after the block before."""
    is_burst: bool
    """It came right after the block before: both had been held back by the same cause."""
    is_flagged: bool


@dataclass(slots=True)
class Promptness:
    """What share of the blocks lately was less late than each of `_LEVELS_US`, and how long the longest delay was that ended."""

    shares: list[float] = field(default_factory=lambda: [0.5] * len(_LEVELS_US))
    longest_us: float = 0.0
    newest_us: float = 0.0
    lead_us: float = 0.0
    """By how much blocks have come earlier than all before, lately: so much the delay may grow again, and nothing is lost."""
    heard: int = 0

    def hear(self, block: Block) -> None:
        """One block that has been cleared.  Of blocks that come at once only the earliest counts."""
        if block.is_burst:
            self.newest_us = min(self.newest_us, block.excess_us)
            return
        self.heard += 1
        for index, level_us in enumerate(_LEVELS_US):
            is_prompt = self.newest_us < level_us
            # Bad times are learned faster than good ones.
            self.shares[index] += (is_prompt - self.shares[index]) / min(self.heard + 1, 256 if is_prompt else 64)
        self.newest_us = block.excess_us

    def shift(self, early_us: float) -> None:
        """A block came so much earlier than any before: all of those had been that late, and none was as prompt as thought."""
        shares = [self._share(level_us - early_us) for level_us in _LEVELS_US]
        self.shares = [share or 0.0 for share in shares]
        self.newest_us += early_us
        self.lead_us = max(self.lead_us, early_us)
        self.heard = min(self.heard, _LEARNED_AGAIN)

    def heard_delay(self, lasted_us: int) -> None:
        """A doubt was cleared after so long."""
        self.longest_us = max(self.longest_us, lasted_us)

    def forget(self) -> None:
        """Once a second: half of it in seven minutes."""
        self.longest_us *= 1 - 1 / 600
        self.lead_us *= 1 - 1 / 600

    def enough(self, excess_us: float, *, blocks: int, lasted_us: int) -> bool:
        """True when so many blocks in a row, all of them so late, cannot be chance."""
        share = self._share(excess_us)
        share = self.shares[0] if share is None else share
        needed = math.log(_CHANCE) / math.log1p(-min(0.99, share)) if share > 0 else math.inf
        patience_us = min(LONGEST_DOUBT_US / 2, max(SHORTEST_DOUBT_US, 2 * self.longest_us))
        return blocks >= max(_FEWEST_LATE, needed) and lasted_us >= patience_us

    def _share(self, late_us: float) -> float | None:
        """Of the highest level that is not above `late_us`; None below them all."""
        levels = zip(self.shares[::-1], _LEVELS_US[::-1], strict=True)
        return next((share for share, level_us in levels if level_us <= late_us), None)
