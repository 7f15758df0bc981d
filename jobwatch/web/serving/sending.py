"""Sends a body piece by piece, so that who does not read has nothing of it copied for him.

How long a client may take for an answer is the connection's business, whatever the page.
"""

from collections.abc import Mapping

from aiohttp import web

PIECE = 64 * 1024
"""Bytes handed to a connection at once: what it cannot send it copies."""


async def send_in_pieces(
    request: web.Request, body: bytes, headers: Mapping[str, str], status: int = 200
) -> web.StreamResponse:
    """Send an answer. Raises `ConnectionError` where the client is gone."""
    answer = web.StreamResponse(status=status, headers=headers)
    answer.content_length = len(body)
    await answer.prepare(request)
    if request.method != "HEAD":
        for start in range(0, len(body), PIECE):
            await answer.write(memoryview(body)[start : start + PIECE])
    await answer.write_eof()
    return answer
