"""What holds for every test."""

from hypothesis import settings

# How long an example takes says something about the machine, and nothing about the code: the whole suite has a timeout.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
