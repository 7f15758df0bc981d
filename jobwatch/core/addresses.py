"""Which addresses requests may go to.

Law of this module: an address is judged by every face it has. What an IPv6 address carries inside (mapped, NAT64, 6to4,
Teredo, ISATAP) is judged like the address itself, and what cannot be read is not let through. The ranges are written
down with the document that sets them apart; `ipaddress.is_global` is not asked, because in Python 3.11 it takes NAT64 of
a metadata address, 6to4 of a private one and multicast for global.

Ranges: https://www.iana.org/assignments/iana-ipv4-special-registry/ and
https://www.iana.org/assignments/iana-ipv6-special-registry/
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Mode = Literal["no_metadata", "public_only", "off"]
Row = tuple[Network, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What the operator allows: a mode, and ranges that are allowed whatever the mode says."""

    mode: Mode = "no_metadata"
    allow: tuple[Network, ...] = ()


def _rows(what: str, *networks: str) -> tuple[Row, ...]:
    return tuple((ip_network(network), what) for network in networks)


_METADATA = _rows(
    "a metadata address",
    "169.254.169.254/32",  # most clouds
    "169.254.0.23/32",  # Tencent Cloud, metadata.tencentyun.com
    "169.254.170.0/24",  # keys of AWS containers
    "100.100.100.200/32",  # Alibaba Cloud
    "168.63.129.16/32",  # Azure's wire server
    "192.0.0.192/32",  # Oracle Cloud, older
    "fd00:ec2::/32",  # AWS: 254 is metadata, 23 the keys of pods
    "fd20:ce::254/128",  # Google Cloud
    "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud
    "fd00:42::42/128",  # Scaleway
)
_NO_METADATA: tuple[Row, ...] = (
    *_METADATA,
    *_rows("link-local (RFC 3927)", "169.254.0.0/16"),
    *_rows("link-local (RFC 4291)", "fe80::/10"),
    *_rows("unspecified (RFC 1122)", "0.0.0.0/8"),
    *_rows("unspecified (RFC 4291)", "::/128"),
    *_rows("the broadcast address (RFC 919)", "255.255.255.255/32"),
    *_rows("multicast (RFC 5771)", "224.0.0.0/4"),
    *_rows("multicast (RFC 4291)", "ff00::/8"),
)
_PUBLIC_ONLY: tuple[Row, ...] = (
    *_NO_METADATA,
    *_rows("private (RFC 1918)", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    *_rows("shared between a carrier's customers (RFC 6598)", "100.64.0.0/10"),
    *_rows("loopback (RFC 1122)", "127.0.0.0/8"),
    *_rows("kept for protocols (RFC 6890)", "192.0.0.0/24"),
    *_rows("for documentation (RFC 5737)", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    *_rows("a 6to4 relay (RFC 7526)", "192.88.99.0/24"),
    *_rows("for benchmarks (RFC 2544)", "198.18.0.0/15"),
    *_rows("reserved (RFC 1112)", "240.0.0.0/4"),
    *_rows("loopback (RFC 4291)", "::1/128"),
    *_rows("local NAT64 (RFC 8215)", "64:ff9b:1::/48"),
    *_rows("for discarding (RFC 6666, RFC 9780)", "100::/63"),
    *_rows("kept for protocols (RFC 2928)", "2001::/23"),
    *_rows("for documentation (RFC 3849)", "2001:db8::/32"),
    *_rows("for documentation (RFC 9637)", "3fff::/20"),
    *_rows("for segment routing (RFC 9602)", "5f00::/16"),
    *_rows("private (RFC 4193)", "fc00::/7"),
    *_rows("site-local (RFC 3879)", "fec0::/10"),
)
_GLOBAL_UNICAST = tuple(
    IPv6Network(network)
    for network in (
        "2000::/3",  # all that IANA gives out
        "::ffff:0:0/96",  # IPv4 in another spelling
        "64:ff9b::/96",  # NAT64
    )
)

_IN_THE_LAST_32_BITS = tuple(
    IPv6Network(network)
    for network in (
        "64:ff9b::/96",  # NAT64, RFC 6052
        "::ffff:0:0:0/96",  # translated, RFC 2765
    )
)
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # RFC 8215
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214, 6.1
_NOTHING = IPv4Network("0.0.0.0/8")
_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_LINK_LOCAL = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))

_METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.tencentyun.com",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def refusal(guard: Guard, address: Address) -> str | None:
    """Say in words why a request may not go to this address, or None where it may.

    An allowed range wins, whether it holds the address or everything that the address carries inside.
    """
    if guard.mode == "off" or _among(address, guard.allow):
        return None
    inner = carried(address)
    if inner and all(_among(each, guard.allow) for each in inner):
        return None
    if what := _set_apart(guard.mode, address):
        return f"{address} is {what} (egress.guard)"
    for each in inner:
        if not _among(each, guard.allow) and (what := _set_apart(guard.mode, each)):
            return f"{address} carries {each}, {what} (egress.guard)"
    return None


def carried(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that a packet for this IPv6 address may end at.

    Where the layout cannot be known (local NAT64) it is every address that one of them gives.
    """
    if isinstance(address, IPv4Address):
        return ()
    number = int(address)
    last = IPv4Address(number & 0xFFFF_FFFF)
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if _among(address, _IN_THE_LAST_32_BITS) or (number >> 32) & 0xFFFF_FFFF in _ISATAP:
        found.append(last)
    if address in _COMPATIBLE and last not in _NOTHING:
        found.append(last)
    if address in _LOCAL_NAT64:
        found.extend(each for each in _translated(number) if each not in _NOTHING)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _translated(number: int) -> tuple[IPv4Address, ...]:
    """All layouts of RFC 6052, 2.2 that fit behind a prefix of 48 bits. Bits 64 to 71 hold nothing."""
    by_48 = (number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF
    by_56 = (number >> 64 & 0xFF) << 24 | number >> 32 & 0xFF_FFFF
    by_64 = number >> 24 & 0xFFFF_FFFF
    by_96 = number & 0xFFFF_FFFF
    return tuple(IPv4Address(each) for each in (by_48, by_56, by_64, by_96))


def _set_apart(mode: Mode, address: Address) -> str | None:
    rows = _PUBLIC_ONLY if mode == "public_only" else _NO_METADATA
    for network, what in rows:
        if address in network:
            return what
    is_6 = isinstance(address, IPv6Address)
    if mode == "public_only" and is_6 and not _among(address, _GLOBAL_UNICAST):
        return "no global unicast (RFC 4291)"
    return None


def _among(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def literal(host: str) -> Address | None:
    """The address that a URL's host is, without brackets; None where it is a name or an odd spelling."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def oddly_spelled(host: str) -> bool:
    """Whether some reader of the host would find an address in it that another does not.

    Decimal, octal, hexadecimal, short and dotted-at-the-end addresses, escapes, and letters or digits beyond ASCII (an
    international name has a spelling in ASCII). https://url.spec.whatwg.org/#ends-in-a-number-checker
    """
    if literal(host) is not None:
        return False
    last = host.rstrip(".").rpartition(".")[2]
    return not host.isascii() or "%" in host or _NUMBER.fullmatch(last) is not None


def is_loopback(host: str) -> bool:
    """Whether the host of a URL, without brackets, is this machine and can be nothing else."""
    address = literal(host)
    if address is None:
        return _plain(host) == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return _among(mapped or address, _LOOPBACK)


def is_nearby(host: str) -> bool:
    """Whether a proxy cannot stand in for this machine: loopback, link-local and metadata services.

    A proxy would reach its own, and a metadata service hands out the identity of whoever asks.
    """
    address = literal(host)
    if address is None:
        return is_loopback(host) or _plain(host) in _METADATA_NAMES
    near = (*_LINK_LOCAL, *(network for network, _ in _METADATA))
    return is_loopback(host) or any(_among(each, near) for each in (address, *carried(address)))


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def read_cidr(text: str) -> Network:
    """Read `10.0.0.0/8`, `fd00::/8` or a single address. Raises `ValueError` with a sentence for a person."""
    try:
        return ip_network(text.strip())
    except ValueError:
        pass
    try:
        meant = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(
            f'"{text}" is no range of addresses; write one such as "10.0.0.0/8" or "fd00::/8"'
        ) from None
    raise ValueError(f'"{text}" is an address within a range; the range is "{meant}"')
