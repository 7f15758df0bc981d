"""What a person wrote into a template, and what a receiver repeats of it."""

import pytest

from jobwatch.formats.answers import shown, without_keys
from jobwatch.formats.values import PLAIN, Recipient

TEMPLATE = """{"text": {{ message.title | tojson }}, "token": "tok-4f0c9be21a", "channel": "operations",
"key": "averylongkeyofnothingbutletters", "at": {{ event.data.job.ended_at | tojson }}}"""
KEYS = ("tok-4f0c9be21a", "averylongkeyofnothingbutletters")


def recipient(template: str | None) -> Recipient:
    return Recipient(
        name="own", url="https://hooks.example.com/x", secrets=(), headers=(), routing_key=None,
        template=template, style=PLAIN,
    )  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_key_in_a_template_is_not_kept_with_an_answer_that_repeats_it(key: str) -> None:
    assert shown(f"refused: {key}", recipient(TEMPLATE)) == "refused: ***"
    assert shown(f"refused: {key}", recipient(None)) == f"refused: {key}"


def test_a_key_in_a_template_is_not_shown_with_what_the_template_made() -> None:
    made = '{"text": "prod: job failed", "token": "tok-4f0c9be21a", "channel": "operations"}'
    seen = without_keys(made, TEMPLATE)
    assert seen == '{"text": "prod: job failed", "token": "***", "channel": "operations"}'


def test_words_of_a_template_that_are_no_keys_stay_readable() -> None:
    assert shown("the channel operations has no ended_at", recipient(TEMPLATE)) == (
        "the channel operations has no ended_at"
    )
    assert without_keys("nothing", "{{ message.title }}") == "nothing"


@pytest.mark.parametrize(
    "text",
    [
        r'{"msg": "{\"timestamp\":\"1795323824\",\"sign\":\"LhrYGCfjaFBjdxqIV7jmiKFN9M0WGdXXv\"}"}',
        "webhook-signature v1%2CGnDJ4KxdCFg2fCbpt2JESbAkCIpLoSznNB3w",
    ],
)
def test_a_signature_that_is_repeated_within_a_text_is_not_kept(text: str) -> None:
    seen = shown(text, recipient(None))
    assert "***" in seen
    assert "LhrYGC" not in seen
    assert "GnDJ4K" not in seen
