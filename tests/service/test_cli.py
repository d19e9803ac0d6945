#!/usr/bin/env python3
"""Every command of `slipway` as the contract has it: usable help, exit codes 0, 1 and 2, and one JSON
document by --json from what lists or shows.

    test_cli.py BUILD
"""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import test_program

# What a command needs beside its settings, so that only its settings can be wrong.
ARGUMENTS = {
    "audit verify": [],
    "batch close": ["B"],
    "batch import": ["FILE"],
    "batch list": [],
    "batch open": ["--profile", "edge", "--hosts", "FILE"],
    "batch report": ["B"],
    "batch show": ["B"],
    "check": [],
    "doctor": ["--listen", "0"],
    "host arm": ["h1"],
    "host assign": ["h1", "--profile", "edge"],
    "host diagnostics": ["h1"],
    "host disarm": ["h1"],
    "host export": [],
    "host ignore": ["h1"],
    "host import": ["FILE"],
    "host list": [],
    "host rescue": ["h1"],
    "host retry": ["h1"],
    "host show": ["h1"],
    "image export": ["demo@1", "-o", "FILE"],
    "image import": ["FILE", "--name", "demo", "--version", "1"],
    "image list": [],
    "image remove": ["demo@1"],
    "image show": ["demo@1"],
    "image verify": ["demo@1"],
    "media cidata": ["--mac", "52:54:00:aa:00:01", "-o", "FILE"],
    "media efi": ["-o", "FILE"],
    "media uki": ["-o", "FILE"],
    "media usb": ["-o", "FILE"],
    "render": ["--mac", "52:54:00:aa:00:01", "user-data"],
    "serve": [],
    "site new": [],
}
WITHOUT_SETTINGS = {"flash": ["IMAGE", "DEVICE"], "installer build": ["-o", "FOLDER"], "schema": []}


def run(*words):
    return subprocess.run([test_program.PROGRAM, *words], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60)


def section(text, title):
    """The lines of one part of a help text."""
    match = re.search(rf"^{title}:\n((?:[ \t].*\n|\n(?=[ \t]))*)", text, re.M)
    return match.group(1).splitlines() if match else []


def commands(prefix=()):
    """Every command that does something, by the help texts."""
    help_text = run(*prefix, "--help").stdout
    names = [line.split()[0] for line in section(help_text, "Subcommands") if line[2:3] != " "]
    if not names:
        return [" ".join(prefix)]
    return [command for name in names for command in commands((*prefix, name))]


class Commands(test_program.Program):
    def test_every_command_is_tried_here(self):
        untried = set(commands()) - {*ARGUMENTS, *WITHOUT_SETTINGS}
        self.assertEqual(untried, set(), "a new command: say in ARGUMENTS what it needs")

    def test_help_says_what_the_command_does_and_what_each_option_means(self):
        for command in commands():
            with self.subTest(command):
                done = run(*command.split(), "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                lines = done.stdout.splitlines()
                self.assertTrue(lines[0].strip(), "the first line says what it does")
                self.assertIn(f"Usage: slipway {command}", done.stdout)
                for title in ("Options", "Positionals"):
                    # What is long has its words on the next line.
                    text = "\n".join(section(done.stdout, title)) + "\n"
                    for option in re.findall(r"^  \S.*\n(?: {20}.*\n)*", text, re.M):
                        self.assertRegex(option, r"\S {2,}\S|\n {20,}\S")

    def test_wrong_use_is_exit_code_2_and_nothing_on_stdout(self):
        for command in commands():
            with self.subTest(command):
                done = run(*command.split(), *{**WITHOUT_SETTINGS, **ARGUMENTS}[command],
                           "--no-such-option")
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn("--no-such-option", done.stderr)

    def test_failure_is_exit_code_1_and_one_line_a_mistake(self):
        self.settings.write_text("interfaces: [lo]\ninventory: inventory\ntftq: {port: 69}\n"
                                 "dhcp: {port: 0}\n")
        for command in set(commands()) - set(WITHOUT_SETTINGS):
            with self.subTest(command):
                words = ARGUMENTS[command]
                done = run("-c", self.settings, *command.split(), *words)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                lines = done.stderr.splitlines()
                self.assertEqual([line.split(": ")[0] for line in lines],
                                 [f"{self.settings}:3:1", f"{self.settings}:4:14"])

    def test_what_lists_or_shows_prints_one_JSON_document(self):
        self.import_image()
        self.serve()
        self.wait_for("assigned", lambda: self.state() == "assigned")
        for words in (["host", "list"], ["host", "show", "h1"], ["image", "list"],
                      ["image", "show", "demo@1"]):
            with self.subTest(" ".join(words)):
                self.assertIsInstance(json.loads(self.slipway(*words, "--json")), (dict, list))


for name in [name for name in dir(test_program.Program) if name.startswith("test_")]:
    setattr(Commands, name, None)  # they run in test_program.py


if __name__ == "__main__":
    test_program.PROGRAM = Path(sys.argv.pop(1)) / "service" / "slipway"
    unittest.main()
