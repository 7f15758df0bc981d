"""Which addresses are let through, face by face."""

from ipaddress import ip_address, ip_network

import pytest

from jobwatch.core.addresses import (
    Guard,
    Mode,
    carried,
    is_loopback,
    is_nearby,
    literal,
    oddly_spelled,
    read_cidr,
    refusal,
)

METADATA = [
    ("169.254.169.254", "a metadata address"),
    ("169.254.0.23", "a metadata address"),
    ("169.254.170.2", "a metadata address"),
    ("100.100.100.200", "a metadata address"),
    ("168.63.129.16", "a metadata address"),
    ("192.0.0.192", "a metadata address"),
    ("fd00:ec2::254", "a metadata address"),
    ("fd00:ec2::23", "a metadata address"),
    ("fd20:ce::254", "a metadata address"),
    ("fd00:c1::a9fe:a9fe", "a metadata address"),
    ("fd00:42::42", "a metadata address"),
    ("169.254.0.0", "link-local (RFC 3927)"),
    ("169.254.255.255", "link-local (RFC 3927)"),
    ("fe80::1", "link-local (RFC 4291)"),
    ("fe80::1%eth0", "link-local (RFC 4291)"),
    ("febf:ffff::1", "link-local (RFC 4291)"),
    ("0.0.0.0", "unspecified (RFC 1122)"),
    ("0.255.255.255", "unspecified (RFC 1122)"),
    ("::", "unspecified (RFC 4291)"),
    ("224.0.0.1", "multicast (RFC 5771)"),
    ("239.255.255.250", "multicast (RFC 5771)"),
    ("ff02::1", "multicast (RFC 4291)"),
    ("ff0e::1", "multicast (RFC 4291)"),
    ("255.255.255.255", "the broadcast address (RFC 919)"),
]
CARRIES_METADATA = [
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe%eth0",
    "::169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:aaa9:fe:a9fe::",
    "64:ff9b:1:aaaa:a9:fea9:fe00:0",
    "64:ff9b:1::169.254.169.254",
    "64:ff9b:1:aaaa::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "2002:a9fe:a9fe::1",
    "2001:0:808:808:0:0:5601:5601",
    "2001:0:a9fe:a9fe:0:0:f7f7:f7f7",
    "2a00::5efe:169.254.169.254",
    "fd00::200:5efe:169.254.169.254",
    "2002:808:808::5efe:a9fe:a9fe",
    "::ffff:100.100.100.200",
    "64:ff9b::0.0.0.0",
    "::ffff:0.0.0.0",
]
PRIVATE = [
    ("10.0.0.0", "private (RFC 1918)"),
    ("10.255.255.255", "private (RFC 1918)"),
    ("172.16.0.1", "private (RFC 1918)"),
    ("172.31.255.255", "private (RFC 1918)"),
    ("192.168.0.1", "private (RFC 1918)"),
    ("100.64.0.1", "RFC 6598"),
    ("100.127.255.255", "RFC 6598"),
    ("127.0.0.1", "loopback (RFC 1122)"),
    ("127.255.255.254", "loopback (RFC 1122)"),
    ("192.0.0.8", "RFC 6890"),
    ("192.0.2.1", "documentation"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("192.88.99.3", "RFC 7526"),
    ("198.18.0.1", "RFC 2544"),
    ("198.19.255.255", "RFC 2544"),
    ("240.0.0.1", "RFC 1112"),
    ("::1", "loopback (RFC 4291)"),
    ("64:ff9b:1::808:808", "RFC 8215"),
    ("100::1", "RFC 6666"),
    ("100:0:0:1::1", "RFC 9780"),
    ("2001:2::1", "RFC 2928"),
    ("2001:20::1", "RFC 2928"),
    ("2001:db8::1", "RFC 3849"),
    ("3fff::1", "RFC 9637"),
    ("5f00::1", "RFC 9602"),
    ("fc00::1", "RFC 4193"),
    ("fd12:3456::1", "RFC 4193"),
    ("fec0::1", "RFC 3879"),
    ("::8.8.8.8", "no global unicast"),
    ("4000::1", "no global unicast"),
    ("64:ff9c::1", "no global unicast"),
    ("::ffff:10.0.0.1", "carries 10.0.0.1, private"),
    ("::ffff:127.0.0.1", "carries 127.0.0.1, loopback"),
    ("64:ff9b::10.0.0.1", "carries 10.0.0.1, private"),
    ("2002:c0a8:1::", "carries 192.168.0.1, private"),
    ("2002:7f00:1::", "carries 127.0.0.1, loopback"),
    ("2a00::5efe:10.0.0.1", "carries 10.0.0.1, private"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255"),
    *("172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
    *("198.20.0.0", "223.255.255.255", "168.63.129.15"),
    *("2400:3200::1", "2606:4700::1111", "2001:200::1", "2a00:1450::1", "3ffe::1"),
    *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2a00::5efe:8.8.8.8"),
]


def judge(mode: Mode, address: str, *allow: str) -> str | None:
    guard = Guard(mode=mode, allow=tuple(ip_network(each) for each in allow))
    return refusal(guard, ip_address(address))


@pytest.mark.parametrize(("address", "what"), METADATA)
def test_metadata_and_what_is_no_host_is_blocked_in_both_modes(address: str, what: str) -> None:
    assert judge("no_metadata", address) == f"{address} is {what} (egress.guard)"
    assert judge("public_only", address) == f"{address} is {what} (egress.guard)"


@pytest.mark.parametrize("address", CARRIES_METADATA)
def test_what_carries_such_an_address_is_blocked_in_both_modes(address: str) -> None:
    reason = judge("no_metadata", address)
    assert reason is not None
    assert " carries " in reason
    assert judge("public_only", address) is not None


@pytest.mark.parametrize(("address", "what"), PRIVATE)
def test_what_is_not_public_is_blocked_by_public_only_alone(address: str, what: str) -> None:
    assert judge("no_metadata", address) is None
    assert what in str(judge("public_only", address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_let_through(address: str) -> None:
    assert judge("no_metadata", address) is None
    assert judge("public_only", address) is None


@pytest.mark.parametrize("address", [*(each for each, _ in METADATA + PRIVATE), *CARRIES_METADATA])
def test_a_guard_that_is_off_blocks_nothing(address: str) -> None:
    assert judge("off", address) is None


@pytest.mark.parametrize(
    ("address", "allow"),
    [
        ("169.254.169.254", "169.254.169.254/32"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("fd00:ec2::254", "fd00:ec2::254/128"),
        ("fe80::1%eth0", "fe80::/10"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "::ffff:10.0.0.0/104"),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254/32"),
        ("64:ff9b::a9fe:a9fe", "64:ff9b::/96"),
        ("64:ff9b:1::10.1.2.3", "10.0.0.0/8"),
        ("2002:a01:203::1", "10.0.0.0/8"),
    ],
)
def test_an_allowed_range_wins_outside_and_inside(address: str, allow: str) -> None:
    assert judge("public_only", address) is not None
    assert judge("public_only", address, "192.0.2.0/24") is not None
    assert judge("public_only", address, "192.0.2.0/24", allow) is None


@pytest.mark.parametrize(
    ("address", "allow"),
    [
        ("2001:0:a00:1:0:0:5601:5601", "10.0.0.0/8"),
        ("2002:a00:1::5efe:a9fe:a9fe", "10.0.0.0/8"),
        ("169.254.169.254", "::ffff:0:0/96"),
    ],
)
def test_an_allowed_face_does_not_open_another(address: str, allow: str) -> None:
    assert judge("no_metadata", address, allow) is not None


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("1.2.3.4", ()),
        ("2606:4700::1111", ()),
        ("::1", ()),
        ("::", ()),
        ("::ffff:1.2.3.4", ("1.2.3.4",)),
        ("::1.2.3.4", ("1.2.3.4",)),
        ("2001:0:102:304::fefd:fcfb", ("1.2.3.4", "1.2.3.4")),
        ("2001:0:506:708::fefd:fcfb", ("5.6.7.8", "1.2.3.4")),
    ],
)
def test_what_is_carried(address: str, inside: tuple[str, ...]) -> None:
    assert [str(each) for each in carried(ip_address(address))] == list(dict.fromkeys(inside))


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0177.0.0.1", "017700000001", "0x7f.1", "0X7F000001", "127.1", "127.0.1"),
        *("0", "0x", "127.0.0.1.", "127.0.0.1..", "127.0.0.01", "1.2.3.4.5", "256.0.0.1", "a.1"),
        *("%31%32%37.0.0.1", "127.0.0.1%00.example", "localhost%2e"),
        *("１２７.０.０.１", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost"),  # noqa: RUF001  the point
    ],
)
def test_odd_spellings_of_an_address_are_seen(host: str) -> None:
    assert oddly_spelled(host)
    assert literal(host) is None


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "::1", "::FFFF:7F00:1", "0:0:0:0:0:ffff:127.0.0.1", "fe80::1%25eth0"),
        *("example.com", "example.com.", "LOCALHOST", "xn--bcher-kva.example", "a1", "0x7f.com"),
        *("1.example", "host_1", "", "nip.io", "169.254.169.254.nip.io", "0xyz"),
    ],
)
def test_plain_hosts_are_not_odd(host: str) -> None:
    assert not oddly_spelled(host)


@pytest.mark.parametrize(
    ("host", "is_"),
    [
        ("localhost", "loopback"),
        ("LocalHost.", "loopback"),
        ("127.0.0.1", "loopback"),
        ("127.8.9.10", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("2002:7f00:1::", "elsewhere"),
        ("localhost.example.com", "elsewhere"),
        ("169.254.0.23", "nearby"),
        ("::ffff:169.254.169.254", "nearby"),
        ("fe80::1%eth0", "nearby"),
        ("100.100.100.200", "nearby"),
        ("metadata.tencentyun.com", "nearby"),
        ("Metadata.Google.Internal.", "nearby"),
        ("10.0.0.1", "elsewhere"),
        ("8.8.8.8", "elsewhere"),
        ("example.com", "elsewhere"),
        ("", "elsewhere"),
    ],
)
def test_what_is_this_machine_and_what_no_proxy_can_stand_in_for(host: str, is_: str) -> None:
    assert is_loopback(host) == (is_ == "loopback")
    assert is_nearby(host) == (is_ != "elsewhere")


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        (" fd00::/8 ", "fd00::/8"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("::1", "::1/128"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    ],
)
def test_a_range_is_read(text: str, network: str) -> None:
    assert str(read_cidr(text)) == network


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10.0.0.1/8", 'the range is "10.0.0.0/8"'),
        ("fd00::1/8", 'the range is "fd00::/8"'),
        ("example.com", "is no range of addresses"),
        ("10.0.0.0/33", "is no range of addresses"),
        ("", "is no range of addresses"),
    ],
)
def test_a_range_that_cannot_be_read_is_refused_with_what_would_be_right(
    text: str, words: str
) -> None:
    with pytest.raises(ValueError, match="range") as caught:
        read_cidr(text)
    assert words in str(caught.value)
