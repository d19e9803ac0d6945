#!/usr/bin/env python3
"""Reads rendered documents with the stock readers and compares with what was put in.

    read_back.py FILE      lines of: reader, expected octets, document, the latter two in hexadecimal

Exit 1 and the first differences when a value did not come back.
"""

import json
import re
import shlex
import subprocess
import sys

import yaml

LINE = re.compile(r"^\s*(\S+)\s+(\S+)\s+(\S+)(?:\s(.*))?$", re.S)  # debconf-set-selections(1)


def octets(value):
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def read_yaml(document):
    tree = yaml.load(document, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [octets(tree["a"]), octets(tree["b"][0])]


def read_json(document):
    tree = json.loads(document)
    return [octets(tree["a"]), octets(tree["b"][0])]


def read_preseed(document):
    line = document.decode()
    assert line.endswith("\n") and line.count("\n") == 1 and len(line.splitlines()) == 1, line
    return [octets(LINE.match(line[:-1])[4] or "")]


def read_shlex(document):
    lines = document.decode().splitlines()
    assert len(lines) == 1, lines
    return [octets(word) for word in shlex.split(lines[0], comments=True)[1:]]


def command_of(kind, document):
    """The one shell command of a document."""
    if kind == "shell":
        lines = document.decode().splitlines()
        assert (lines[0], lines[2:]) == ("%post", ["%end"]), lines
        return lines[1]
    return LINE.match(document.decode()[:-1])[4]


READERS = {"yaml": read_yaml, "json": read_json, "preseed": read_preseed, "shlex": read_shlex,
           "generic": lambda document: [document]}


def check_shell(shell, wanted, failures):
    """All commands in one script; w writes its arguments, each with a NUL behind it."""
    script = "w() { printf '%s\\0' \"$@\"; }\n" + "\n".join(command for _, command in wanted) + "\n"
    done = subprocess.run([shell], input=script.encode(), stdout=subprocess.PIPE, check=True)
    got = done.stdout.split(b"\0")[:-1]
    expected = [octets for octets, _ in wanted for _ in range(3)]
    failures += [(shell, a, b) for a, b in zip(expected, got) if a != b]
    if len(got) != len(expected):
        failures.append((shell, len(expected), len(got)))


def main():
    failures, commands, preseed = [], [], []
    for line in open(sys.argv[1]):
        kind, *rest = line.rstrip("\n").split(" ")
        expected, document = (bytes.fromhex(text) for text in rest)
        if kind in ("shell", "shell-preseed"):
            commands.append((expected, command_of(kind, document)))
        else:
            got = READERS[kind](document)
            failures += [(kind, expected, value) for value in got if value != expected]
        if kind.endswith("preseed"):
            preseed.append(document.decode())
    if commands:
        for shell in ("dash", "bash"):
            check_shell(shell, commands, failures)
    if preseed:
        done = subprocess.run(["debconf-set-selections", "--checkonly"], input="".join(preseed),
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode or done.stdout:
            failures.append(("debconf-set-selections", done.returncode, done.stdout[:500]))
    for failure in failures[:10]:
        print(*failure, sep="\n  ")
    sys.exit(1 if failures else 0)


main()
