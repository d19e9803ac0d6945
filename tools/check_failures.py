#!/usr/bin/env python3
"""Every reason of a failure stands in base/failures.cpp with its sentence and its remedy, and
docs/failures.md is that table; --write makes it so.

A reason is the first member of a Failure, a WriteError, a Diagnosis or one of the time limits, `reason = "..."`, or
the first word that one of the functions below makes such a thing of.
"""

import re
import sys

from source import REPO, blank, files, line_of

WORD = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
GIVEN = [
    re.compile(r'\b(?:Failure|WriteError|Diagnosis)\s*[({]\s*"(%s)"' % WORD),
    re.compile(r'\breason\s*=\s*"(%s)"' % WORD),
    re.compile(r'\bLimit\s+k\w+\s*\{\s*"(%s)"' % WORD),
    re.compile(r'\breturn\s*\{\s*"(%s-%s)"\s*,' % (WORD, WORD)),  # a program's name has no hyphen
    re.compile(r'\b(?:refuse|failed|failure|stop)\(\s*\{?\s*"(%s)"\s*,' % WORD),
    re.compile(r'\bas_outcome\(\s*[^;"]*,\s*"(%s)"\s*,' % WORD),
]
FOLDERS = ("agent", "images", "provisioning")


def given(text):
    """The reasons that a file gives, as (line, name)."""
    code = blank(text, strings=False)
    found = set()
    for pattern in GIVEN:
        for match in pattern.finditer(code):
            found.add((line_of(code, match.start(1)), match[1]))
    return sorted(found)


def table(text):
    """The rows of base/failures.cpp: (reason, sentence, remedy)."""
    body = text[text.index("kKinds"):]
    joined = re.sub(r'"\s*\n\s*"', "", body)
    return re.findall(r'\{"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\}', joined)


def page(rows):
    """The rows as docs/failures.md has them."""
    return [f"| `{reason}` | {sentence} | {remedy} |" for reason, sentence, remedy in rows]


def mistakes(rows, shown, used):
    """All that is wrong; `shown` are the page's rows, `used` maps a reason to where it is given."""
    names = [row[0] for row in rows]
    if names != sorted(set(names)):
        yield "base/failures.cpp: the reasons must be sorted, each once"
    for reason, sentence, remedy in rows:
        if not sentence.endswith(".") or not remedy.endswith("."):
            yield f"base/failures.cpp: {reason}: sentence and remedy end with a full stop"
    for name in sorted(set(used) - set(names)):
        yield f"{used[name]}: {name} is not in base/failures.cpp"
    if shown != page(rows):
        yield "docs/failures.md: its table is not that of base/failures.cpp; run tools/check_failures.py --write"


def main():
    rows = table((REPO / "base/failures.cpp").read_text())
    document = REPO / "docs/failures.md"
    text = document.read_text()
    if "--write" in sys.argv[1:]:
        head = text[:text.index("|---|---|---|\n")] + "|---|---|---|\n"
        document.write_text(head + "\n".join(page(rows)) + "\n")
        return 0
    used = {}
    for file in files(folders=FOLDERS):
        for line, name in given(file.read_text()):
            used.setdefault(name, f"{file.relative_to(REPO)}:{line}")
    found = list(mistakes(rows, re.findall(r"^\| `.*$", text, re.M), used))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
