#!/usr/bin/env python3
"""kill -9 of `slipway serve` again and again while eight clients change things: what was acknowledged
is there after the restart, and the audit chain is whole.

    kill_series.py BUILD

1000 kills at SLIPWAY_TEST_SCALE=1. At the end a control: the same claims on a database whose
write-ahead log was taken away must fail, or the series would prove nothing.
"""

import http.client
import json
import os
import random
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

from served import Lost, OperatorPlane, Server, ask, boot_plane, in_a_namespace

SCALE = float(os.environ.get("SLIPWAY_TEST_SCALE", "0.02"))
KILLS = max(10, round(1000 * SCALE))
CLIENTS, HOSTS_EACH, STRAYS_EACH = 8, 4, 20


class Host:
    """What a client knows of one host. `known` is what was acknowledged last; `maybe` is what it
    may be instead, because the answer to the last request never came."""

    def __init__(self, name, mac, state):
        self.name, self.mac = name, mac
        self.known = {"state": state, "attempts_left": 0}
        self.maybe = None
        self.token = self.bearer = None
        self.attempt = 0

    def allowed(self):
        return [self.known] + ([self.maybe] if self.maybe else [])


class Client(threading.Thread):
    """Walks its own hosts through their lives until the server dies."""

    def __init__(self, number, server):
        super().__init__()
        self.number, self.server = number, server
        self.random = random.Random(number)
        self.hosts = [Host(f"c{number}h{i}", f"52:54:00:a{number}:00:{i:02x}", "assigned")
                      for i in range(HOSTS_EACH)]
        self.strays = 0
        self.acknowledged, self.reasons, self.failure = 0, set(), None

    def again(self):
        """A thread runs once; the next round has a new one with the same knowledge."""
        next_one = Client.__new__(Client)
        knowledge = {key: value for key, value in self.__dict__.items() if not key.startswith("_")}
        threading.Thread.__init__(next_one)
        next_one.__dict__.update(knowledge)
        return next_one

    def run(self):
        # Connections of this round only: the server of the last one is dead.
        self.plane = OperatorPlane(self.server.socket)
        self.boot = boot_plane(self.number + 1)
        try:
            while True:
                self.act(self.random.choice(self.hosts))
        except (OSError, http.client.HTTPException):
            pass  # killed
        except Exception as error:  # a wrong answer is a finding, not the end of a thread
            self.failure = f"client {self.number}: {error!r}"
        finally:
            self.plane.close()
            self.boot.close()

    def act(self, host):
        if self.strays < STRAYS_EACH and self.random.random() < 0.05:
            return self.discover()
        steps = {"discovered": [self.assign, self.ignore], "ignored": [self.assign],
                 "assigned": [self.arm], "armed": [self.script, self.script, self.disarm],
                 "booting": [self.session, self.session, self.script, self.disarm],
                 "installing": [self.result, self.result, self.disarm],
                 "failed": [self.arm], "installed": [self.arm]}[host.known["state"]]
        if host.known["state"] == "booting" and host.bearer:
            steps = [self.plan, self.plan, self.result_failed]
        if host.known["state"] == "failed" and host.known["attempts_left"] > 0:
            steps = [self.script, self.arm]
        self.random.choice(steps)(host)

    def change(self, host, after, request):
        """One request: until its answer is here, both what was and `after` are possible."""
        host.maybe = {**host.known, **after}
        status, text = request()
        if status != 200:
            raise Lost(f"{host.name} {host.known} -> {after}: status {status} {text}")
        host.known, host.maybe = host.maybe, None
        self.acknowledged += 1
        return text

    def order(self, host, action, after, **body):
        why = f"client {self.number} change {self.acknowledged} of {host.name}: {action}"
        self.change(host, after, lambda: ask(
            self.plane, "POST", f"/api/v1/hosts/{host.mac}/{action}", {"why": why, "by": "kill", **body}))
        self.reasons.add(why)

    def arm(self, host):
        host.token = host.bearer = None
        self.order(host, "arm", {"state": "armed", "attempts_left": 3})

    def disarm(self, host):
        runs = host.known["state"] in ("booting", "installing")
        host.token = host.bearer = None
        self.order(host, "disarm", {"state": "failed" if runs else "assigned", "attempts_left": 0})

    def ignore(self, host):
        self.order(host, "ignore", {"state": "ignored"})

    def assign(self, host):
        self.order(host, "assign", {"state": "assigned"}, profile="edge", site="store")

    def discover(self):
        host = Host(None, f"52:54:00:b{self.number}:00:{self.strays:02x}", "discovered")
        self.strays += 1
        status, text = ask(self.boot, "GET", f"/boot.ipxe?mac={host.mac}&platform=pcbios")
        if status != 200 or "/h/" not in text:
            raise Lost(f"the stray {host.mac}: status {status} {text}")
        host.name = host.mac
        self.hosts.append(host)
        self.acknowledged += 1

    def script(self, host):
        left = host.known["attempts_left"]
        if left == 0:
            return self.disarm(host) if host.known["state"] != "failed" else self.arm(host)
        used_up = {"state": "booting", "attempts_left": left - 1}
        host.bearer = None
        text = self.change(host, used_up, lambda: ask(
            self.boot, "GET", f"/boot.ipxe?mac={host.mac}&platform=pcbios"))
        if "/h/" not in text:
            raise Lost(f"{host.name} got no token: {text}")
        token = text.split("/h/")[1][:32]
        if token == host.token:  # asked again before it was used: the same attempt
            host.known["attempts_left"] = left
        host.token = token

    def session(self, host):
        if not host.token:
            return self.script(host)
        body = {"token": host.token, "macs": [host.mac]}
        text = self.change(host, {}, lambda: ask(self.boot, "POST", "/agent/v1/session", body))
        host.bearer, host.attempt = json.loads(text)["session"], json.loads(text)["attempt"]

    def plan(self, host):
        self.change(host, {"state": "installing"}, lambda: ask(
            self.boot, "GET", "/agent/v1/plan?wait=0", bearer=host.bearer))

    def result(self, host, state=None):
        state = state or self.random.choice(["installed", "failed"])
        left = 0 if state == "installed" else host.known["attempts_left"]
        body = {"attempt": host.attempt, "state": state, "reason": "test", "detail": "of the series"}
        self.change(host, {"state": state, "attempts_left": left}, lambda: ask(
            self.boot, "POST", "/agent/v1/result", body, host.bearer))
        host.bearer = host.token = None

    def result_failed(self, host):
        self.result(host, "failed")


class Series:
    def __init__(self, server):
        self.server, self.starts = server, []
        self.random = random.Random(2026)
        self.clients = [Client(number, server) for number in range(CLIENTS)]
        server.add_profile()
        for client in self.clients:
            for host in client.hosts:
                server.add_host(host.name, host.mac)
        server.import_image(1 << 20)
        server.make_installer()
        server.start()
        server.wait_assigned()
        server.kill()

    def compare(self):
        """Every host is as it was acknowledged; what was on its way when the server died may have
        happened or not, and is known from here on."""
        plane = OperatorPlane(self.server.socket)
        _, text = ask(plane, "GET", "/api/v1/hosts")
        plane.close()
        found = {mac: host for host in json.loads(text)["hosts"] for mac in host["macs"]}
        for client in self.clients:
            for host in client.hosts:
                shown = found.get(host.mac)
                now = {key: shown[key] for key in ("state", "attempts_left")} if shown else None
                if now not in host.allowed():
                    raise Lost(f"{host.name} is {now}; it must be one of {host.allowed()}")
                if now != host.known:
                    self.forget(host, now["state"])
                host.known, host.maybe = now, None

    @staticmethod
    def forget(host, state):
        """A change whose answer never came: only a plan leaves the client what it needs to go on."""
        if state != "installing":
            host.token = host.bearer = None

    def round(self):
        self.starts.append(self.server.start())
        self.compare()
        self.clients = [client.again() for client in self.clients]
        for client in self.clients:
            client.start()
        time.sleep(self.random.uniform(0.005, 0.2))
        self.server.kill()
        for client in self.clients:
            client.join()
            if client.failure:
                raise Lost(client.failure)

    def check_audit(self):
        said = self.server.slipway("audit", "verify")
        if "every hash holds" not in said:
            raise Lost(said)
        with sqlite3.connect(f"file:{self.server.database}?mode=ro", uri=True) as database:
            recorded = {row[0] for row in database.execute("SELECT why FROM audit")}
        for client in self.clients:
            missing = client.reasons - recorded
            if missing:
                raise Lost(f"not in the audit log: {sorted(missing)[:3]}")

    def control(self):
        """One more kill, and the write-ahead log is gone: the claims must not hold."""
        self.round()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.server.database}{suffix}").unlink()
        try:
            self.server.start()
            self.compare()
            self.check_audit()
        except (Lost, sqlite3.DatabaseError) as lost:  # a kill within a checkpoint leaves a torn file
            return f"{lost} {getattr(lost, 'sqlite_errorname', '')}".strip()
        raise SystemExit("the control did not fail: the series proves nothing")


def story(server):
    series = Series(server)
    for number in range(1, KILLS + 1):
        series.round()
        if number % 50 == 0 or number == KILLS:
            server.start()
            series.compare()
            series.check_audit()
            server.kill()
    changes = sum(client.acknowledged for client in series.clients)
    starts = sorted(series.starts)
    print(f"{KILLS} kills, {changes} acknowledged changes, 0 lost; ready again after "
          f"{starts[len(starts) // 2] * 1000:.0f} ms (median), {starts[-1] * 1000:.0f} ms (longest)")
    if changes < 2 * KILLS:
        raise Lost(f"only {changes} changes: too few to prove anything")
    print(f"control, without the write-ahead log: {series.control()}")


if __name__ == "__main__":
    in_a_namespace()
    the_server = Server(Path(sys.argv[1]), Path(tempfile.mkdtemp(prefix="slipway-kills.", dir="/var/tmp")))
    try:
        story(the_server)
    finally:
        the_server.close()
