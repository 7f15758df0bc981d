"""The hook of the site, on repositories of two pages: what it brings in, where links lead then, what lists become."""

from pathlib import Path

import pytest
from mkdocs.exceptions import PluginError

from docs.site import hook


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository: pages in and outside of docs/, files, a folder with a page and one without."""
    for name in (
        *("docs/index.md", "docs/store.md", "docs/runbooks/One.md", "docs/examples/receiver.py"),
        *("README.md", "SECURITY.md", "deploy/README.md", "deploy/compose/README.md"),
        *("config/example.yaml", "tests/traps.md", "tests/unit/test_a.py"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# Page\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("page", "link", "becomes"),
    [
        ("docs/store.md", "index.md#top", "index.md#top"),
        ("docs/runbooks/One.md", "../store.md", "../store.md"),
        ("docs/store.md", "../config/example.yaml", "config/example.yaml"),
        ("docs/runbooks/One.md", "../../config/example.yaml", "../config/example.yaml"),
        ("docs/store.md", "../deploy/README.md#volume", "deploy/README.md#volume"),
        ("docs/store.md", "../deploy/compose/", "deploy/compose/README.md"),
        ("docs/store.md", "../README.md", "index.md"),
        ("docs/store.md", "../SECURITY.md", "project/security.md"),
        ("docs/store.md", "../tests/traps.md", "tests/traps.md.txt"),
        ("SECURITY.md", ".ci/run", "../ci/run"),
        ("deploy/compose/README.md", "../../docs/store.md#a", "../../store.md#a"),
        (
            "deploy/compose/README.md",
            "../../docs/examples/receiver.py",
            "../../examples/receiver.py",
        ),
        ("deploy/compose/README.md", "../README.md", "../README.md"),
        ("SECURITY.md", "docs/store.md", "../store.md"),
        ("SECURITY.md", "config/example.yaml", "../config/example.yaml"),
        ("SECURITY.md", "#here", "#here"),
        ("SECURITY.md", "https://example.com/docs/store.md", "https://example.com/docs/store.md"),
    ],
)
def test_a_link_leads_within_the_site(root: Path, page: str, link: str, becomes: str) -> None:
    text = f"See [it]({link}), ![so]({link}) and [there].\n\n[there]: {link}\n"
    assert hook.rewritten(text, page, root) == text.replace(link, becomes)


@pytest.mark.parametrize(
    "code", ["`[it](../config/example.yaml)`", "```md\n[it](../config/example.yaml)\n```"]
)
def test_a_link_in_code_stays_as_it_is(root: Path, code: str) -> None:
    assert hook.rewritten(code, "docs/store.md", root) == code


def test_files_that_pages_link_to_are_copied_and_pages_are_not(root: Path) -> None:
    text = "[a](../config/example.yaml) [b](../deploy/README.md) [c](index.md) `[d](../tests/unit/test_a.py)`"
    (root / "docs/store.md").write_text(text, encoding="utf-8")
    assert hook.linked(["docs/store.md"], root) == {"config/example.yaml"}


def test_what_is_outside_of_the_repository_is_refused(root: Path) -> None:
    (root / "docs/store.md").write_text("[a](../../secret)", encoding="utf-8")
    with pytest.raises(PluginError, match=r"docs/store.md: ../../secret is outside of the repo"):
        hook.linked(["docs/store.md"], root)


def test_a_folder_without_a_page_becomes_a_page_that_lists_its_files(root: Path) -> None:
    assert (
        hook.rewritten("[a](../tests/unit/)", "docs/store.md", root) == "[a](tests/unit/index.md)"
    )
    assert hook.listing("tests/unit", root) == "# tests/unit/\n\n- [test_a.py](test_a.py)\n"
    assert hook.contents("tests/unit", root) == ["tests/unit/test_a.py"]


def test_every_place_in_the_site_has_one_origin(root: Path) -> None:
    pages = [*hook.brought(root), "docs/index.md", "docs/runbooks/One.md"]
    assert pages[:3] == ["SECURITY.md", "deploy/README.md", "deploy/compose/README.md"]
    assert [hook.origin(hook.place(page), root) for page in pages] == pages


def test_a_pattern_in_the_navigation_stands_for_the_pages_that_are_not_named() -> None:
    nav = [{"A": ["a.md", {"Runbooks": ["runbooks/First.md", "runbooks/*.md"]}]}]
    places = ["a.md", "runbooks/Z.md", "runbooks/First.md", "runbooks/B.md"]
    assert hook.filled(nav, places) == [
        {"A": ["a.md", {"Runbooks": ["runbooks/First.md", "runbooks/B.md", "runbooks/Z.md"]}]}
    ]


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("- a\n  b\n- c", "- a\n    b\n- c"),
        ("1. a\n   - b\n     c", "1. a\n    - b\n        c"),
        (
            "- a\n\n  ```sh\n  - x\n    y\n  ```\n\n  b\n- c",
            "- a\n\n    ```sh\n    - x\n      y\n    ```\n\n    b\n\n- c",
        ),
        ("text:\n- a", "text:\n\n- a"),
        ("```\n- a\n  b\n```", "```\n- a\n  b\n```"),
        ("- a\n\ntext\n  more", "- a\n\ntext\n  more"),
    ],
)
def test_lists_have_four_columns_for_each_level(written: str, becomes: str) -> None:
    assert hook.deepened(written) == becomes
