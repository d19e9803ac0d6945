"""The shipped JSON Schemas against a second implementation: the examples pass, mistakes do not."""

import json
import pathlib
import sys

import yaml
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "deploy/examples"


class Loader(yaml.SafeLoader):
    """YAML 1.2 as Slipway reads it: true and false are the only flags, !secret FILE is text."""


Loader.add_constructor("!secret", lambda loader, node: loader.construct_scalar(node))
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"
            and tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", __import__("re").compile("^(?:true|false)$"), list("tf"))


def validator(name):
    schema = json.loads((ROOT / f"docs/schema/{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


GOOD = {
    "host": ["{macs: '52:54:00:aa:00:01'}", "- {name: a, serial: A}\n- {name: b, serial: B}",
             "{shared_macs: ['52-54-00-AA-00-01'], uuid: 4c4c4544-0042-4a10-8054-c3c04f563032}",
             "{serial: A, network: {type: static, ipAddress: 10.0.0.5/24, gateway: 10.0.0.1}}",
             "{serial: A, network: {type: static, ipAddress: 10.0.0.5, mask: 255.255.255.0}}"],
    "site": ["{stylus: {site: {paletteEndPoint: a.example.com, anything: [1]}}}",
             "{user_data: {packages: [vim], stylus: {debug: true}}, reboot: ~}"],
    "profile": ["{compose: [infra, add@1.2.0], tags: {a: b}}", "{type: add-on, layers: []}",
                "{installer: {kind: flash, image: i@1}, requirements: {memory: 4GiB}}",
                "{installer: {kind: flash, image: i@1}, burn_in: {memory: 60s, cpu: 2h}}",
                "{installer: {kind: flash, image: i@1}, disk: {pick: largest, erase: secure,"
                " grow: true, select: {wwn: eui.01, rotational: false}}}",
                "{installer: {kind: flash, image: i@1}, requirements: {secure_boot: on,"
                " tpm: present, nic_speed: 1000, disk_health: any}}"],
    "config": ["{interfaces: eth1}", "{interfaces: [eth1], tftp: {allow: [10.0.0.0/8]}}"],
}
BAD = {
    "host": ["{name: a}", "{serial: 12}", "{macs: ['52:54:00']}", "{serial: A, sit: x}",
             "{shared_macs: ['52:54:00:aa:00:01']}", "- {serial: A}",
             "{serial: A, name: my_host}", "{uuid: 4c4c4544}",
             "{serial: A, network: {type: manual}}",
             "{serial: A, network: {type: static, ipAddress: 10.0.0.256}}",
             "{serial: A, network: {type: static, mask: 255.0.255.7}}"],
    "site": ["{stylus: {managementMode: remote}}", "{install: {poweroff: yes}}",
             "{stylus: {localUI: {port: 65536}}}", "{stylus: {site: {name: 'a b'}}}",
             "{stylus: {site: {tags: {floor: 3}}}}", "{macs: ['52:54:00:aa:00:01']}",
             "{user_data: {stylus: {debug: maybe}}}",
             "{stages: {initramfs: [{users: {a: {passwd: 1234}}}]}}"],
    "profile": ["{type: full}", "{compose: [1]}",
                "{installer: {kind: floppy, image: i@1}}",
                "{installer: {kind: flash, image: i@1}, requirements: {memory: 4}}",
                "{installer: {kind: flash, image: i@1}, disk: {select: [{type: tape}]}}",
                "{installer: {kind: flash, image: i@1}, disk: {erase: true}}",
                "{installer: {kind: flash, image: i@1}, burn_in: {cpu: 60}}",
                "{installer: {kind: flash, image: i@1}, burn_in: {cpu: 0s}}",
                "{installer: {kind: flash, image: i@1}, requirements: {tpm: '2.0'}}",
                "{installer: {kind: flash, image: i}}", "{type: addon}"],
    "config": ["{}", "{interfaces: [eth1], dhcp: {port: 0}}", "{interfaces: [eth1], dhpc: {}}",
               "{interfaces: [eth1], unknown_hosts: maybe}"],
}


def examples():
    yield "config", EXAMPLES / "slipway.yaml"
    for kind in ("profile", "site", "host"):
        found = sorted((EXAMPLES / f"inventory/{kind}s").glob("*.yaml"))
        assert found, f"no example of a {kind}"
        for file in found:
            yield kind, file


def main():
    wrong = []
    for name, file in examples():
        for error in validator(name).iter_errors(yaml.load(file.read_text(), Loader)):
            wrong.append(f"{file}: {error.message}")
    for name, texts in GOOD.items():
        for text in texts:
            for error in validator(name).iter_errors(yaml.load(text, Loader)):
                wrong.append(f"{name} {text}: {error.message}")
    for name, texts in BAD.items():
        wrong += [f"{name} {text}: accepted" for text in texts
                  if validator(name).is_valid(yaml.load(text, Loader))]
    print("\n".join(wrong) or "every example passes, every mistake is found")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
