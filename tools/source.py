"""What the checkers share: the C++ files of the tree, and their text without comments or strings."""

import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
FOLDERS = ("base", "dhcp", "tftp", "http", "images", "provisioning", "agent", "service")

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<raw>[^()\\\s]{0,16})\(.*?\)(?P=raw)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'", re.S)


def files(root=REPO, folders=FOLDERS):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cpp", ".hpp"):
                yield path


def blank(text, strings=True):
    """`text` with comments and, unless told otherwise, strings replaced by spaces: lines and columns
    stay where they are."""
    def empty(match):
        token = match[0]
        if not strings and not token.startswith("/"):
            return token
        kept = '"' if token[0] in "\"R" else " "
        inside = re.sub(r"[^\n]", " ", token)
        return kept + inside[1:-1] + kept if kept == '"' and len(token) > 1 else inside
    return _TOKEN.sub(empty, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def closing(text, opening):
    """The offset of the bracket that closes the one at `opening`, or the end of the text."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    depth = 0
    for offset in range(opening, len(text)):
        if text[offset] == text[opening]:
            depth += 1
        elif text[offset] == pairs[text[opening]]:
            depth -= 1
            if depth == 0:
                return offset
    return len(text)
