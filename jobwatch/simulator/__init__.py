"""A fake cloud and a receiver on loopback, for the demo and for tests.

Law of this package: the jobs are values (`script`, `lives`, `world`: state as a function of time,
chance only from a seeded generator), the control API is a function from a question to an answer
(`answers`, `admission`, `markup`, `reshape`), and only `cloud`, `effects`, `receiver` and
`simulation` touch sockets. It speaks the API from its documentation and shares no reading code
with the providers, so that one can find the other's mistakes. Time is an argument everywhere.
"""
