"""Shared by the benches on hosts: a world, alternating commands, and their times."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
HOSTLER = TARGET / "release" / "hostler"
WORLD = HERE.parent / "tests" / "worlds" / "hosts"


def inside(script: str, hosts: int) -> None:
    """Runs a script again inside a new world with this many hosts, which ends with the script."""
    if "HOSTLER_BENCH_INSIDE" in os.environ:
        return
    with tempfile.TemporaryDirectory(prefix="hostler-bench.") as directory:
        os.environ.update(HOSTLER_BENCH_INSIDE="1", HOSTLER_WORLD_DIR=directory)
        try:
            subprocess.run([WORLD, "up", str(hosts)], check=True)
            code = subprocess.run([WORLD, "run", sys.executable, script, *sys.argv[1:]]).returncode
        finally:
            subprocess.run([WORLD, "down"])
    sys.exit(code)


class Bench:
    def __init__(self, work: pathlib.Path) -> None:
        self.work = work
        self.hosts = json.loads(subprocess.run([WORLD, "list"], check=True, capture_output=True).stdout)
        self.env = dict(os.environ, HOSTLER_DATA_DIR=str(work / "data"), HOME=str(work), ANSIBLE_HOST_KEY_CHECKING="False",
                        ANSIBLE_NOCOLOR="1", LC_ALL="C.UTF-8")
        (work / "config").write_text(
            f"Host *\n User {self.hosts[0]['user']}\n IdentityFile {self.hosts[0]['key']}\n IdentitiesOnly yes\n"
            f" StrictHostKeyChecking accept-new\n UserKnownHostsFile {work}/known_hosts\n LogLevel ERROR\n"
        )

    def listed(self, count: int, facts: str = "") -> pathlib.Path:
        file = self.work / f"{count}.toml"
        lines = [f"user = \"{self.hosts[0]['user']}\"\nkey = \"{self.hosts[0]['key']}\"\n"]
        lines += [f"[[host]]\nname = \"{host['name']}\"\naddress = \"{host['address']}\"\n{facts}"
                  for host in self.hosts[:count]]
        file.write_text("".join(lines))
        return file

    def addresses(self, count: int) -> list[str]:
        return [host["address"] for host in self.hosts[:count]]

    def plain(self, count: int) -> pathlib.Path:
        file = self.work / f"{count}.txt"
        file.write_text("".join(f"{address}\n" for address in self.addresses(count)))
        return file

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, env=self.env, cwd=self.work, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            sys.exit(f"{command[0]} failed with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done

    def time(self, command: list[str]) -> float:
        began = time.monotonic()
        self.run(command)
        return time.monotonic() - began

    def turns(self, commands: dict[str, list[str]], rounds: int, before=lambda name: None) -> dict[str, float]:
        """Medians, after a warm-up round."""
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(rounds + 1):
            for name, command in commands.items():
                before(name)
                took = self.time(command)
                if number > 0:
                    times[name].append(took)
        return {name: statistics.median(all_of) for name, all_of in times.items()}
