"""The end of the notification socket at which a service manager listens."""

import socket


class Manager:
    """Listens at a path, or at an abstract name that begins with "@"."""

    def __init__(self, address: str, *, patience_usec: int = 60_000_000) -> None:
        self.environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(patience_usec)}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)  # noqa: FBT003  # the signature is the library's

    def heard(self) -> list[str]:
        """Every datagram since it was last asked."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4097).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()
