#!/usr/bin/env python3
"""The checkers themselves: what they must let through, and what they must find."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import check_coro
import check_events
import check_failures
import check_includes


class Coroutines(unittest.TestCase):
    GOOD = [
        "co_await f();", "auto x = co_await f(a, b);", "const auto x = co_await f();",
        "x = co_await f();", "self->x = co_await f();", "Fallible<int> x = co_await f();",
        "(void)co_await f();", "co_return co_await f();", "if (ready) co_await f();",
        "while (a && b(c)) x = co_await f();", "for (;;) co_await f();", "else co_await f();",
        "auto r = co_await f(a); auto& [ec, n] = r;", "// if (co_await f())", 'log("co_await x{");',
        "auto r = co_await (a.async_read(b) || c.async_wait(d));", "case 1: co_await f();",
        "auto x = co_await f(buffers[0]);", "co_spawn(executor, f(a), done);",
        "std::sort(a, b, [](int x) { return x; });",
        "asio::awaitable<void> f(int a, std::string b);",
        "// `s` is owned by Service.\nasio::awaitable<void> f(State& s);",
    ]
    BAD = [
        "if (co_await f()) {}", "while (!co_await f()) {}", "g(co_await f());", "x = !co_await f();",
        "auto x = 1 + co_await f();", "auto x = T{co_await f()};", "throw co_await f();",
        "auto [a, b] = co_await f();", "auto& [a, b] = co_await f();", "if (auto x = co_await f(); x) {}",
        "co_await f({1, 2});", "co_await f(T{});", "co_await f([&] { return 1; });",
        "auto f = [this]() -> awaitable<void> { co_await g(); };", "auto f = [] { co_return; };",
        "co_spawn(a.get_executor(), f(), done);", "co_spawn(executor, [] { return f(); }, done);",
        "co_spawn(executor, f(), asio::detached);", "asio::awaitable<void> f(State& s);",
        "for (auto x : co_await f()) {}", "return x ? co_await f() : 1;",
    ]

    def test_allowed_forms_pass(self):
        for text in self.GOOD:
            with self.subTest(text):
                self.assertEqual(check_coro.check("void g() {\n" + text + "\n}\n"), [])

    def test_forbidden_forms_are_found(self):
        for text in self.BAD:
            with self.subTest(text):
                found = check_coro.check("void g() {\n" + text + "\n}\n")
                self.assertTrue(found and found[0][0] == 2, found)


class Failures(unittest.TestCase):
    def test_every_form_of_giving_a_reason_is_seen(self):
        for text in ['return Failure{"a-b", "c"};', 'return std::unexpected(WriteError{"a-b", e});',
                     'AttemptEnd end{.to = failed, .reason = "a-b"};', 'report.reason = "a-b";',
                     'constexpr Limit kSilent{"a-b", kSilence, "x"};', 'return {"a-b",\n "x"};',
                     'return refuse("a-b", "x");', 'return as_outcome(std::move(r), "a-b", "x");',
                     'stop({"a-b", "x"});']:
            with self.subTest(text):
                self.assertEqual(check_failures.given(text), [(1, "a-b")])
        self.assertEqual(check_failures.given('// Failure{"a-b", "c"}\nreturn {"e2fsck", "-f"};'), [])

    def test_what_is_missing_is_found(self):
        rows = [("a-b", "It broke.", "Mend it."), ("c", "It is gone.", "Look for it.")]
        page = check_failures.page(rows)
        used = {"a-b": "agent/x.cpp:1", "c": "agent/x.cpp:2"}
        self.assertEqual(list(check_failures.mistakes(rows, page, used)), [])
        for case in [(rows[:1], page[:1], used), (rows[::-1], page[::-1], used), (rows, page[:1], used),
                     ([("a-b", "It broke", "Mend it.")], ["| `a-b` | It broke | Mend it. |"], {})]:
            with self.subTest(case):
                self.assertTrue(list(check_failures.mistakes(*case)))

    def test_the_table_is_read(self):
        text = 'kKinds = {\n {"a-b", "It "\n  "broke.",\n "Mend it."},\n};'
        self.assertEqual(check_failures.table(text), [("a-b", "It broke.", "Mend it.")])


class Includes(unittest.TestCase):
    def found(self, path, text):
        return list(check_includes.check(path, text))

    def test_allowed_includes_pass(self):
        for path, line in [
            ("dhcp/server.cpp", '#include "base/net.hpp"'), ("dhcp/server.cpp", "#include <boost/asio/ip/udp.hpp>"),
            ("provisioning/gate.cpp", '#include "dhcp/policy.hpp"'), ("http/message.cpp", "#include <vector>"),
            ("provisioning/plan.cpp", "#include <boost/json.hpp>"), ("agent/http.cpp", '#include "http/client.hpp"'),
            ("images/block_device.cpp", "#include <liburing.h>"), ("base/net.cpp", "#include <sys/socket.h>"),
            ("images/import/web.cpp", "#include <curl/curl.h>"), ("images/import/web.cpp", '#include "images/store.hpp"'),
            ("service/import_network.cpp", '#include "images/import/download.hpp"'),
            ("dhcp/packet.cpp", '// #include "tftp/session.hpp"'), ("provisioning/store_load.cpp", "#include <soci/soci.h>"),
        ]:
            with self.subTest(line):
                self.assertEqual(self.found(path, line), [])

    def test_forbidden_includes_are_found(self):
        for path, line in [
            ("base/net.cpp", '#include "dhcp/packet.hpp"'), ("dhcp/packet.cpp", '#include "tftp/packet.hpp"'),
            ("provisioning/gate.cpp", '#include "dhcp/packet.hpp"'), ("agent/main.cpp", '#include "http/server.hpp"'),
            ("dhcp/packet.cpp", "#include <boost/asio.hpp>"), ("base/json.cpp", "#include <yaml-cpp/yaml.h>"),
            ("http/route.hpp", "#include <boost/json/value.hpp>"), ("images/store.cpp", "#include <openssl/evp.h>"),
            ("base/log.cpp", "#include <boost/regex.hpp>"), ("http/target.cpp", "#include <nlohmann/json.hpp>"),
            ("images/store.cpp", '#include "images/import/web.hpp"'), ("service/main.cpp", "#include <curl/curl.h>"),
            ("agent/main.cpp", '#include "images/import/web.hpp"'), ("images/import/web.cpp", '#include "http/head.hpp"'),
            ("images/store.cpp", "  #  include <archive_entry.h>"), ("agent/main.cpp", '#include "provisioning/host.hpp"'),
        ]:
            with self.subTest(line):
                self.assertEqual(len(self.found(path, "\n" + line)), 1)
                self.assertEqual(self.found(path, "\n" + line)[0][0], 2)


class Events(unittest.TestCase):
    def names(self, text):
        return [name for _, name in check_events.logged(text)]

    def test_the_first_argument_is_the_event(self):
        self.assertEqual(self.names('log::info("tftp.sent", {{"a.b", 1}});'), ["tftp.sent"])
        self.assertEqual(self.names('log::write(level, "dhcp.dropped", {});'), ["dhcp.dropped"])
        self.assertEqual(self.names('log::write(log::Level::warn, "http.slow", {});'), ["http.slow"])
        self.assertEqual(self.names('// log::info("tftp.sent");'), [])

    def test_a_variable_stands_for_the_literals_of_its_file(self):
        text = ('void say(const char* e) { log::info(e); }\nsay("host.armed"); f("not an event"); g("a.B");'
                'spawn(executor, "http.accept", work());')
        self.assertEqual(self.names(text), ["host.armed"])

    def test_the_table_is_read(self):
        self.assertEqual(check_events.documented("| event | means |\n|---|---|\n| `a.b` | c |\n"), {"a.b"})


if __name__ == "__main__":
    unittest.main()
