"""The questions to Prometheus that the pages show, in blocks and in prose."""

import re

from tests.documents.shown import PAGES, Shown, blocks, inline

QUESTION = re.compile(r"jobwatch_[a-z_]+.*[({\[]|[({\[].*jobwatch_[a-z_]+")
"""A metric and something that is asked of it: a metric alone is its name."""

EXAMPLES = (("…", ""), ("$source", "prod"), ("$receiver", "ops"), ("$__rate_interval", "5m"))


def queries() -> list[Shown]:
    """Every question of the pages. A block may hold several, with empty lines between them."""
    found = []
    for block in blocks("promql"):
        for part in re.split(r"\n{2,}", block.text.strip()):
            text = "\n".join(line for line in part.splitlines() if not line.startswith("#"))
            if text.strip():
                found.append(Shown(page=block.page, line=block.line, text=text, language="promql"))
    said = [each for page in PAGES for each in inline(page)]
    return found + [filled(each) for each in said if QUESTION.search(each.text)]


def filled(query: Shown) -> Shown:
    text = query.text
    for word, instead in EXAMPLES:
        text = text.replace(word, instead)
    return Shown(page=query.page, line=query.line, text=text, language="promql")
