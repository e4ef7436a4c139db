"""XML written by hand: characters that XML cannot hold are shown as codes, and nothing in a text is ever markup."""

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from everyword.text import printable

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def text(value: str) -> str:
    """`value` as the content of an element."""
    return escape(clean(value))


def clean(value: str) -> str:
    """`value` without what XML 1.0 forbids and what a terminal would obey: both are shown as codes."""
    return _IMPOSSIBLE.sub(lambda match: f"\\u{ord(match.group()):04x}", printable(value))


def element(name: str, content: str = "", /, **attributes: str | int) -> str:
    """An element whose content is XML already; ``xml_id`` is ``xml:id``, a trailing underline is dropped (``from_``)."""
    return f"{opening(name, attributes)[:-1]}{f'>{content}</{name}>' if content else '/>'}"


def opening(name: str, attributes: Mapping[str, str | int]) -> str:
    """The opening tag of an element."""
    pairs = (f" {key.replace('xml_', 'xml:').rstrip('_')}={quoteattr(clean(str(value)))}" for key, value in attributes.items())
    return f"<{name}{''.join(pairs)}>"
