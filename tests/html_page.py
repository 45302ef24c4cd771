"""A page read back by the parser of the standard library, for tests of the HTML report."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

__all__ = ["Element", "Page"]

VOID = {"meta", "link", "input", "br", "wbr", "hr", "img", "base", "embed", "source"}
SHAPES = {"path", "rect", "circle"}


@dataclass
class Element:
    """An element with its attributes and the text right in it."""

    tag: str
    attrs: dict[str, str]
    path: tuple[str, ...]
    text: str = ""
    inside: list[Element] = field(default_factory=list)

    def all_text(self) -> str:
        """The text in it and in what it holds, in no particular order."""
        return " ".join([self.text, *(element.all_text() for element in self.inside)])


class Page(HTMLParser):
    """Parse a page and insist that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.declared: list[str] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self._open, [element.tag for element in self._open]

    def handle_decl(self, decl: str) -> None:
        self.declared.append(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:80]!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"a processing instruction: {data[:80]!r}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data[:80]!r}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        given = {name: value or "" for name, value in attrs}
        element = Element(tag, given, tuple(e.tag for e in self._open))
        self.elements.append(element)
        if self._open:
            self._open[-1].inside.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SHAPES, f"<{tag}/> is no empty element in HTML"
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> without a beginning"
        assert self._open[-1].tag == tag, (self._open[-1].tag, tag)
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data
        else:
            assert not data.strip(), data[:80]

    def find(self, tag: str, **attrs: str) -> list[Element]:
        """Elements of a tag with these attributes; `kind` stands for ``class``."""
        if "kind" in attrs:
            attrs["class"] = attrs.pop("kind")
        return [
            element
            for element in self.elements
            if element.tag == tag and attrs.items() <= element.attrs.items()
        ]

    def text_of(self, tag: str) -> list[str]:
        """The text right in the elements of a tag."""
        return [element.text for element in self.find(tag)]

    @property
    def data(self) -> dict[str, Any]:
        """What the script reads."""
        (script,) = self.find("script", id="data")
        return json.loads(script.text)  # type: ignore[no-any-return]

    @property
    def names(self) -> list[str]:
        """The names of tests in the data, decoded as the script does it."""
        parts, out, before = self.data["names"], [], ""
        for shared, rest in zip(parts[::2], parts[1::2], strict=True):
            before = before[:shared] + rest
            out.append(before)
        return out
