"""The garbage collector while a command starts.

Law of this module: what a command imports lives as long as it does, so nothing of it is looked through in vain. Walking
through all of it over and over, as usual thresholds have it, took a fifth of every start.
"""

import gc

_USUAL = gc.get_threshold()
_STARTING = 100_000
"""New objects before the collector runs: more than a third of what the largest command makes."""


def hurry() -> None:
    """Collect seldom. A command that ends soon may stay so."""
    gc.set_threshold(_STARTING, *_USUAL[1:])


def take_time() -> None:
    """Collect as usual, for a process that stays: everything was imported."""
    gc.set_threshold(*_USUAL)
