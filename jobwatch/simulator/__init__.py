"""A fake cloud and a receiver on loopback, for the demo and for tests.

Law of this package: the jobs are values (`script`, `lives`, `world`: state as a function of time,
chance only from a seeded generator; `vaults` holds a world for each vault), an API is a function
from a question to an answer (`apis`: COS Batch in `answers` and `markup`, CAS in `vault_answers` and
`vault_markup`; `admission` and `reshape` for both), and only `cloud`, `effects`, `receiver` and
`simulation` touch sockets. It speaks the APIs from their documentation and shares no reading code
with the providers, so that one can find the other's mistakes. Time is an argument everywhere.
"""
