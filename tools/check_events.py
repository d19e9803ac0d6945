#!/usr/bin/env python3
"""Every event that is logged stands in docs/events.md, and nothing else does.

An event is the first argument of log::debug, info, warn or error. Where that is a variable, the
literals of the same file that look like events count: those are what it can be. A literal
"host.something" is an event wherever it stands: it goes into that host's timeline.
"""

import re
import sys

from source import REPO, blank, files, line_of

CALL = re.compile(r"\blog::(?:(?:debug|info|warn|error)\s*\(|write\s*\([^,]*,)\s*")
SPAWN = re.compile(r"\bspawn\([^,;]*,\s*\"[^\"]*\"")  # names a session, not an event
EVENT = re.compile(r'"([a-z]+(?:_[a-z]+)*\.[a-z0-9]+(?:_[a-z0-9]+)*)"')


def logged(text):
    """The events that a file logs, as (line, name); a name that cannot be told is None."""
    code = SPAWN.sub(lambda match: " " * len(match[0]), blank(text, strings=False))
    found, by_variable = [], False
    for call in CALL.finditer(code):
        literal = re.match(r'"([^"]*)"', code[call.end():])
        if literal:
            found.append((line_of(code, call.start()), literal[1]))
        else:
            by_variable = True
    for match in EVENT.finditer(code):
        if by_variable or match[1].startswith("host."):
            found.append((line_of(code, match.start()), match[1]))
    return sorted(set(found))


def documented(text):
    """The events of the tables in docs/events.md: rows that begin with a name in backquotes."""
    return set(re.findall(r"^\| *`([^`]+)` *\|", text, re.M))


def main():
    known = documented((REPO / "docs/events.md").read_text())
    wrong, used = 0, set()
    for file in files():
        if file == REPO / "base/log.hpp":
            continue
        for line, name in logged(file.read_text()):
            used.add(name)
            if not EVENT.fullmatch(f'"{name}"'):
                wrong += 1
                print(f"{file.relative_to(REPO)}:{line}: \"{name}\" is not <folder>.<what_happened>")
            elif name not in known:
                wrong += 1
                print(f"{file.relative_to(REPO)}:{line}: {name} is not in docs/events.md")
    for name in sorted(known - used):
        wrong += 1
        print(f"docs/events.md: {name} is logged nowhere")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
