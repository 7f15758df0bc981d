"""How connections are held and answers leave: below the routes, above the sockets.

Law of this package: whoever is slow, silent or many costs little, and keeps nobody else out.
"""
