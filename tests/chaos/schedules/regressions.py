"""Seeds that found a fault of the product, and what it was; each is played again by CI."""

REGRESSIONS = {
    1: "a payout whose answers stayed unreadable was sent in a tight loop once its result had come",
    2: "a notice stored beside the verdict of its attempt was never read",
    4: "who met an open circuit while it was being probed waited a minute",
    200: "a deposit whose only callback was forged was booked with the forged amount",
    204: "a push that nobody answered was paid late, its callback was lost, and it stayed expired",
    101: "a claim whose answer was lost slept until its lease was over",
    902007: "a database connection that fell silent was waited for without end",
    609534948: "a Kafka consumer came to rest without a word after a reset and a broker's restart",
    950015: "a notice about an attempt in review was never read",
    1200016: "a result saved again, its commit not heard of, left a number that no result has",
}
"""Seed to words. A race needs luck to meet again: each has a test of its own beside this."""
