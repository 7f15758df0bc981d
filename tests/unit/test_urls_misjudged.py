"""URLs that were once called good, and that nothing could be sent to."""

import pytest

from jobwatch.settings.recipients import wrong_url


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1]x/hook",
        "https://a.example.com\\b.example.com/hook",
        "https://<host>/hook",
        "https://{{host}}/hook",
        "https://${HOST}/hook",
        'https://"a.example.com"/hook',
        "https://a|b/hook",
    ],
)
def test_a_host_that_no_name_can_have_is_a_mistake_of_the_configuration(url: str) -> None:
    wrong = wrong_url(url, allow_http=True)
    assert wrong == "is not a URL; its host or its port cannot be read"


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/x?key=a%2Bb",
        "https://HOOKS.example.com.:8443/x",
        "https://my_receiver:443/",
        "https://xn--fsqu00a.example/x",
        "https://[2001:db8::1]/x",
        "https://[2001:db8::1]:8443/x",
        "https://[::ffff:192.0.2.1]/",
        "https://192.0.2.1:8443/x",
        "https://hooks.example.com/a\\b",
    ],
)
def test_a_host_that_can_be_is_none(url: str) -> None:
    assert wrong_url(url, allow_http=False) is None
