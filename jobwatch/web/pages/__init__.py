"""The pages for people: the front page, a job's own page, the list of jobs.

Law of this package: what is read is bounded and shared by whoever looks at the same time; what is written is pure, and
escapes everything that came from elsewhere.
"""
