#!/usr/bin/env python3
"""The four lines about coroutines (HACKING.md), as far as text shows them.

1. co_await stands alone: `co_await f();`, `x = co_await f();`, `co_return co_await f();`.
2. No braces and no lambda among the arguments of an awaited call.
3. A coroutine is a named function; a reference parameter only with a comment that says who owns it.
4. No structured binding of co_await; co_spawn gets an executor by name and a called coroutine; no
   `detached`.
"""

import re
import sys

from source import REPO, blank, closing, files, line_of

_STATEMENT = re.compile(r"""^\s*(
    | co_return\s*
    | \(void\)\s*
    | (const\s+)?[\w:]+(<[^;]*>)?[\s&*]+\w+\s*=\s*   # a declaration
    | [\w.\[\]]+(->[\w.\[\]]+)*\s*=\s*               # an assignment
)$""", re.X)
_HEAD = re.compile(r"^\s*(?:else\b|(?:if(?:\s+constexpr)?|while|for|switch)\s*\()")
_LAMBDA = re.compile(r"\[([^\[\]\n]*)\]\s*(\([^(){}]*\)\s*)?(mutable\s*)?(noexcept\s*)?(->\s*[^{};]+?)?\s*\{")


def _before(text, offset):
    """The statement's text before `offset`, or None if that stands inside brackets."""
    depth = 0
    for at in range(offset - 1, -1, -1):
        if text[at] in ")]":
            depth += 1
        elif text[at] in "([":
            if depth == 0:
                return None
            depth -= 1
        elif text[at] in ";{}" and depth == 0:
            return text[at + 1:offset]
    return text[:offset]


def _without_heads(statement):
    """`if (...) else for (...)` taken off the front of a statement, and labels of a switch."""
    while True:
        statement = re.sub(r"^\s*(case\s[^:;]+|default):(?!:)", "", statement)
        match = _HEAD.match(statement)
        if not match:
            return statement
        end = match.end()
        if match[0].endswith("("):
            end = closing(statement, end - 1) + 1
        statement = statement[end:]


def _awaited(text, offset):
    """From co_await to the end of its statement, and whether that end is a semicolon."""
    depth = 0
    for at in range(offset, len(text)):
        if text[at] in "({[":
            depth += 1
        elif text[at] in ")}]":
            depth -= 1
            if depth < 0:
                return text[offset:at], False
        elif text[at] == ";" and depth == 0:
            return text[offset:at], True
    return text[offset:], False


def _check_awaits(text):
    for match in re.finditer(r"\bco_await\b", text):
        before = _before(text, match.start())
        if before is None:
            yield match.start(), "co_await stands inside brackets: give its result a name first"
            continue
        before = _without_heads(before)
        if re.search(r"\bauto\s*&{0,2}\s*\[", before) or re.match(r"\s*auto\s*&{0,2}\s*$", before):
            yield match.start(), "structured binding of co_await: name the result, then bind"
            continue
        if not _STATEMENT.match(before):
            yield match.start(), f"co_await does not stand alone behind `{before.strip()}`"
        expression, ends = _awaited(text, match.start())
        if not ends:
            yield match.start(), "co_await stands inside braces"
        if "{" in expression:
            yield match.start(), "braces among the arguments of an awaited call: name the value first"


def _check_lambdas(text):
    for match in _LAMBDA.finditer(text):
        body = text[match.end():closing(text, match.end() - 1)]
        if re.search(r"\bco_(await|return|yield)\b", body):
            yield match.start(), "a lambda is a coroutine: make it a named function"


def _check_spawns(text):
    for match in re.finditer(r"\bco_spawn\s*\(", text):
        inside = text[match.end():closing(text, match.end() - 1)]
        first = re.match(r"[^,]*", inside)[0]
        if "(" in first:
            yield match.start(), "co_spawn: fetch the executor on a line of its own"
        if re.match(r"[^,]*,\s*\[", inside):
            yield match.start(), "co_spawn gets a called coroutine, not a lambda"
    for match in re.finditer(r"\basio::detached\b", text):
        yield match.start(), "`detached` swallows exceptions: spawn() logs them"


_COROUTINE = re.compile(r"\bawaitable<[^;{}()]*>\s+([\w:]+)\s*\(")


def _explained(original):
    """Names of the coroutines that have a comment right above their declaration or definition."""
    lines = original.splitlines()
    names = set()
    for match in _COROUTINE.finditer(blank(original)):
        line = line_of(original, match.start())
        if line > 1 and lines[line - 2].strip().startswith("//"):
            names.add(match[1].split("::")[-1])
    return names


def _check_parameters(text, explained):
    for match in _COROUTINE.finditer(text):
        inside = text[match.end():closing(text, match.end() - 1)]
        if "&" in inside and match[1].split("::")[-1] not in explained:
            yield match.start(), (f"{match[1]} is a coroutine with a reference parameter: take it by "
                                  "value, or say in a comment above who owns it")


def check(original, partner=""):
    """All mistakes of one file, as (line, text). `partner` is the header of a .cpp, or the reverse."""
    text = blank(original)
    text = re.sub(r"^[ \t]*#[^\n]*", lambda match: " " * len(match[0]), text, flags=re.M)
    found = [*_check_awaits(text), *_check_lambdas(text), *_check_spawns(text),
             *_check_parameters(text, _explained(original) | _explained(partner))]
    return sorted((line_of(text, offset), why) for offset, why in found)


def main():
    wrong = 0
    for file in files():
        partner = file.with_suffix(".hpp" if file.suffix == ".cpp" else ".cpp")
        for line, why in check(file.read_text(), partner.read_text() if partner.exists() else ""):
            wrong += 1
            print(f"{file.relative_to(REPO)}:{line}: {why}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
