"""When a frame can have come at the earliest: offset and drift of an input's clock, followed.  Pure; for `cadence`."""

from dataclasses import dataclass


@dataclass(slots=True)
class Line:
    """The earliest possible time, as µs beyond the nominal rate: ``offset_us`` now, rising by ``slope_ppm`` µs a second."""

    at_us: int
    offset_us: float = 0.0
    slope_ppm: float = 0.0
    # Covariances.  Sound cards keep within 300 ppm; their drift wanders by 1 ppm in an hour or two.
    offset_variance: float = 4e6
    covariance: float = 0.0
    slope_variance: float = 300.0**2
    noise_variance: float = 1e6

    WANDER_PPM2_PER_S = 1e-4
    LEAST_NOISE_US2 = 200.0**2
    LARGEST_ERROR_US = 3_000.0

    def excess_us(self, at_us: int, beyond_us: float) -> float:
        """How much later than possible; `beyond_us` is the block's time less that of its frames at the nominal rate."""
        return beyond_us - self.offset_us - self.slope_ppm * (at_us - self.at_us) / 1e6

    def follow(self, at_us: int, excess_us: float) -> float:
        """Learn from the earliest block of a second; returns by how much (µs) the offset was moved."""
        passed_s = (at_us - self.at_us) / 1e6
        self.at_us = at_us
        self.offset_us += self.slope_ppm * passed_s
        self.offset_variance += passed_s * (2 * self.covariance + passed_s * self.slope_variance)
        self.covariance += passed_s * self.slope_variance
        self.slope_variance += passed_s * self.WANDER_PPM2_PER_S
        error = max(-self.LARGEST_ERROR_US, min(self.LARGEST_ERROR_US, excess_us))
        gain = self.offset_variance / (self.offset_variance + self.noise_variance)
        slope_gain = self.covariance / (self.offset_variance + self.noise_variance)
        self.offset_us += gain * error
        self.slope_ppm += slope_gain * error
        self.slope_variance -= slope_gain * self.covariance
        self.covariance *= 1 - gain
        self.offset_variance *= 1 - gain
        self.noise_variance += (max(error * error, self.LEAST_NOISE_US2) - self.noise_variance) / 64
        return gain * error

    def shift(self, by_us: float) -> None:
        """A step of the offset alone, known to some ms."""
        self.offset_us += by_us
        self.offset_variance += self.LARGEST_ERROR_US**2
