"""Where an API answers, as its user may write it down: scheme, host and port alone."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit


def read_endpoint(value: str, *, plain: bool = False) -> str:
    """Check an endpoint, less a slash at its end: anything more would not be signed as it is sent.

    Plain http is for loopback addresses, or for every host where `plain` is set. Raises `ValueError` with a sentence.
    """
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError("must be a URL such as https://cos.example.com") from error
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.:-]+", host):
        raise ValueError("must be a URL such as https://cos.example.com")
    if "@" in parts.netloc or parts.path not in ("", "/") or re.search(r"[?#\s]", value):
        raise ValueError("must be scheme, host and port alone: no user, path, query or fragment")
    if parts.scheme == "http" and not (plain or _is_loopback(host)):
        raise ValueError("must be https; http is for loopback addresses")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
