"""A busy account, played through the real store: how large its file becomes, and whom it keeps waiting.

    python -m tests.year [--days 365] [--jobs-per-day 3000] [--folder FOLDER]

Every row of the table is a month. The second part goes on with the same file and shorter retention.
"""
