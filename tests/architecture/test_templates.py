"""Templates: they compile, their addresses exist, and nothing in them runs or styles inline."""

from __future__ import annotations

import re

import pytest
from django.template.loader import get_template
from django.urls import NoReverseMatch, get_resolver

from .sources import ROOT, lines_with, templates

# A help text is a form field's own words, written in the code.
SAFE = {"templates/components/field.html"}
URL = re.compile(r"""{%\s*url\s+['"]([^'"]+)['"]""")
INCLUDED = re.compile(r"""{%\s*(?:include|extends)\s+['"]([^'"#]+)""")


def url_names() -> set[str]:
    """Every URL name of the portal, with its namespace."""
    resolver = get_resolver()
    names = {name for name in resolver.reverse_dict if isinstance(name, str)}
    for namespace, (_, inner) in resolver.namespace_dict.items():
        names |= {f"{namespace}:{name}" for name in inner.reverse_dict if isinstance(name, str)}
    return names


@pytest.mark.parametrize("file", templates(), ids=lambda file: str(file.relative_to(ROOT / "templates")))
def test_a_template_compiles_and_points_at_what_exists(file) -> None:
    text = file.read_text(encoding="utf-8")
    get_template(str(file.relative_to(ROOT / "templates")))
    unknown = set(URL.findall(text)) - url_names()
    assert not unknown, NoReverseMatch(unknown)
    for name in INCLUDED.findall(text):
        get_template(name)


@pytest.mark.parametrize(
    "pattern",
    [
        r"<script(?![^>]*\bsrc=)",
        r"<style\b",
        r"\sstyle\s*=",
        r"\son[a-z]+\s*=",
        r"hx-on[:-]",
        r"javascript:",
        r"(src|href)=[\"'](https?:)?//",
        r"hx-vals=[\"']js:",
    ],
)
def test_nothing_runs_styles_or_loads_what_the_policy_forbids(pattern: str) -> None:
    assert lines_with(templates(), pattern) == []


def test_nothing_is_called_safe_but_our_own_words() -> None:
    found = lines_with(templates(), r"\|\s*safe\b|{%\s*autoescape\s+off")
    assert [line for line in found if line.split(":")[0] not in SAFE] == []


def test_every_form_that_posts_has_its_token() -> None:
    for file in templates():
        text = file.read_text(encoding="utf-8")
        for form in re.findall(r"<form\b[^>]*method=[\"']post[\"'].*?</form>", text, re.DOTALL | re.IGNORECASE):
            assert "csrf_token" in form, file


def test_every_link_that_htmx_follows_works_without_it() -> None:
    for file in templates():
        for tag in re.findall(r"<a\b[^>]*hx-get[^>]*>", file.read_text(encoding="utf-8")):
            assert "href=" in tag, (file, tag)
