"""The rules of watching, diffing and telling.

Law of this package: values in, values out. Nothing here awaits, reads a clock, draws a random number, logs or
touches a file or a socket; it imports the standard library and nothing else. Time, chance and identity are arguments.
"""
