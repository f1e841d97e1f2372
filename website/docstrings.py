"""The library's docstrings and classes as the site shows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import griffe

ROLE: Final = re.compile(r":(?:attr|class|data|exc|func|meth):`~?([^`]+)`")
MODULE: Final = re.compile(r":mod:`([^`]+)`")
CODE: Final = re.compile(r"``([^`]+)``")
REFERRAL: Final = re.compile(r"(?:^|; )[sS]ee :(?:attr|meth):`([^`]+)`\.$")
SECTION: Final = re.compile(r"^ *# -- (.+?) --$")
INTERNAL: Final = re.compile(r"for the |inside$|keeping the |the (?!application)\S+ side")
"""Sections of a class that are for the rest of the library, by their headings."""

ATTRIBUTES: Final = {
    "Client": {"parser"},
    "Namespace": {"admitting", "handlers", "outbox", "parser"},
    "Registry": {"emissions", "handlers", "middlewares", "name", "server_events", "slow_consumer"},
    "Server": {"engine", "parser"},
    "Socket": {"acks", "drains", "farewell", "outlet"},
    "DependencyOverrides": {"version"},
}
"""What classes tell each other, and need not tell their users."""


class Docstrings(griffe.Extension):
    """Makes the site's Markdown of the docstrings' reStructuredText, and leaves out what is not for users.

    - What a role names is looked for as Python would: in its class, in its module, then as a whole path. A name that
      no page has fails the build. Modules, such as those of the standard library, are no links.
    - A docstring that only refers to another says what that says.
    - Members below a heading such as ``# -- for the rest of the server --`` are not shown, nor are the arguments of a
      class that is not made by its users.
    """

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """The package was loaded."""
        objects = list(_objects(pkg))
        for found in objects:
            if found.docstring is not None:
                _follow(found, found.docstring)
        for found in objects:
            if isinstance(found, griffe.Class):
                _leave_out(found)
            if found.docstring is not None:
                text = ROLE.sub(lambda role: f"[`{role[1]}`][{role[1]}]", found.docstring.value)
                found.docstring.value = CODE.sub(r"`\1`", MODULE.sub(r"`\1`", text))


def _objects(parent: griffe.Object) -> list[griffe.Object]:
    found = [parent]
    for member in parent.members.values():
        if isinstance(member, griffe.Object):
            found += _objects(member)
    return found


def _follow(found: griffe.Object, docstring: griffe.Docstring) -> None:
    referral = REFERRAL.search(docstring.value)
    if referral is None:
        return
    name = referral[1]
    try:
        if not name.startswith("windsock."):
            head, _, rest = name.partition(".")
            name = ".".join(filter(None, (found.resolve(head), rest)))
        other = found.modules_collection[name]
    except (griffe.NameResolutionError, KeyError):
        return  # it is no object of the library: the link stays, and is checked with the site
    if other.docstring is not None and other.name == found.name:
        _follow(other, other.docstring)
        docstring.value = other.docstring.value


def _leave_out(found: griffe.Class) -> None:
    lines = Path(str(found.filepath)).read_text(encoding="utf-8").splitlines()
    section = ""
    internal: set[int] = set()
    for number in range(found.lineno or 0, (found.endlineno or 0) + 1):
        heading = SECTION.match(lines[number - 1])
        section = heading[1] if heading else section
        if INTERNAL.match(section):
            internal.add(number)
    for name, member in list(found.members.items()):
        if isinstance(member, griffe.Function | griffe.Attribute) and member.lineno in internal:
            found.del_member(name)
    if found.docstring is not None:
        parts = re.split(r"\n\n(?=[A-Z]\w+:\n)", found.docstring.value)
        if re.search(r"Got (?:with|from)|[Mm]ade by", parts[0]):
            found.members.pop("__init__", None)
            parts = [part for part in parts if not part.startswith("Args:")]
        hidden = "|".join(ATTRIBUTES.get(found.name, ()))
        if hidden:
            parts = [
                re.sub(rf"\n +(?:{hidden}): .*(?:\n {{8,}}.*)*", "", part) if part.startswith("Attributes:") else part
                for part in parts
            ]
        found.docstring.value = "\n\n".join(part for part in parts if part != "Attributes:")
