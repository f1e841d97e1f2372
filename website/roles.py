"""The roles of docstrings, such as :meth:`of`, made links of the site."""

from __future__ import annotations

import re
from typing import Any, Final

import griffe

ROLE: Final = re.compile(r":(?:attr|class|data|exc|func|meth):`~?([^`]+)`")
MODULE: Final = re.compile(r":mod:`([^`]+)`")
CODE: Final = re.compile(r"``([^`]+)``")


class Roles(griffe.Extension):
    """Writes the docstrings' reStructuredText as the Markdown of the site.

    What a role names is looked for as Python would: in its class, in its module, then as a whole path. A name that
    no page has fails the build. Modules, such as those of the standard library, are no links.
    """

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """An object was loaded."""
        if obj.docstring is not None:
            text = obj.docstring.value
            text = ROLE.sub(lambda role: f"[`{role[1]}`][{role[1]}]", text)
            text = MODULE.sub(r"`\1`", text)
            obj.docstring.value = CODE.sub(r"`\1`", text)
