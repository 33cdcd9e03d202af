"""What the measurements share."""

UNIT = 500  # steps are timed in multiples of this; it divides problem.POOL
