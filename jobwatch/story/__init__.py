"""What became of a job, and of what was told of it, in words for people: commands and pages say the same.

Law of this package: pure, and nothing is guessed. It finds words for what the store kept and the core decided; it decides
nothing itself. Its words are plain text from anywhere: whoever shows them makes them harmless for his medium.
"""
