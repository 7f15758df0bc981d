"""The composition root: builds every part, starts the loops, stops them in order.

Law: nothing is decided here. This is the only place that reads the clock, draws chance, and knows every concrete
class; the one task group of the daemon lives here. The package itself imports nothing, so that a command that only
wants the time of day does not wait for the daemon's parts.
"""
