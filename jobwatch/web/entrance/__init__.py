"""Who may see and who may change: decided by one pure function, asked before anything else happens.

Law of this package: what is not known to be allowed is refused, with its reason; and no token is kept or shown.
"""
