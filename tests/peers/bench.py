"""What the measuring commands share: the programs, the server, conn with an engine, tables."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from tools import Site
from tree import Tree

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
RELEASE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release")
BUILD = "Build it: cargo build --release --bin conn --example cheap_sshd"

SERVER_HELP = "called as SERVER DIR HOSTS, it says `ready PORT` and serves until its input ends (%(default)s)"


def parser(description):
    words = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--conn", default=f"{RELEASE}/conn", metavar="PATH", help="the program to measure (%(default)s)")
    words.add_argument("--server", default=f"{RELEASE}/examples/cheap_sshd", metavar="PATH", help=SERVER_HELP)
    words.add_argument("--rounds", type=int, default=3, metavar="N", help="the median of N is shown (%(default)s)")
    words.add_argument("--json", action="store_true", help="figures of all rounds instead of a table")
    words.set_defaults(known_hosts_suffix=".one")
    return words


def check(*paths):
    for path in paths:
        if not os.access(path, os.X_OK):
            sys.exit(f"peers: there is no program {path}. {BUILD}")


def is_installed(program, name, advice):
    if shutil.which(program):
        return True
    print(f"peers: {name} is not installed and left out ({advice})", file=sys.stderr)
    return False


class Server:
    """The cheap SSH server, in its own process, outside of every tree that is measured."""

    def __init__(self, options, directory):
        argv = [options.server, directory, options.hosts]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if words[:1] != ["ready"]:
            sys.exit(f"peers: {options.server} did not say that it is ready")
        self.port = int(words[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Fleet:
    """Cheap hosts in a directory of their own, gone with it."""

    def __init__(self, options):
        self.options = options

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="conn-peers-")
        self.server = Server(self.options, self.directory.name)
        return Site(self.directory.name, self.server.port, self.options)

    def __exit__(self, *_):
        self.server.__exit__()
        self.directory.cleanup()


def in_own_process(measure, name, *args):
    """So that one tool's leftovers are never counted for another, and never stay."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        tree = Tree()
        try:
            os.write(writer, json.dumps(measure(tree, *args)).encode())
        finally:
            tree.end()
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(pid, 0)
    print(f"peers: {name}: {text}", file=sys.stderr)
    return json.loads(text) if text else None


class Engine:
    """conn with an engine and settings of its own, among the descendants of `tree`."""

    def __init__(self, tree, site, settings=""):
        self.tree, self.site, self.home = tree, site, tempfile.mkdtemp(prefix="conn-", dir=site.dir)
        os.mkdir(self.home + "/config")
        with open(self.home + "/config/conn.toml", "w", encoding="utf-8") as file:
            file.write(settings)

    def words(self, *words):
        return [self.site.options.conn, "--home", self.home, *words]

    def start(self):
        self.call("engine", "start")

    def call(self, *words):
        """What conn prints; its failure is the measurement's."""
        env = self.site.environment({})
        done = subprocess.run(self.words(*words), env=env, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    def status(self):
        return json.loads(self.call("engine", "status", "--json"))

    def run(self, command, *words, out=None):
        """Runs a command on hosts; what it cost, as `Tree.run` tells."""
        return self.tree.run(self.run_words(command, *words), self.site.environment({}), out or self.site.path("log"))

    def run_words(self, command, *words):
        return self.words("run", "-q", "-F", self.site.config, *words, "--", *command.split())

    def memory(self):
        """Resident now, and the most there ever was, in bytes."""
        with open(f"/proc/{self.status()['pid']}/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return [int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")]


def connections(port):
    """Both ends of all connections to a port of this machine."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return {tuple(row[1:3]) for row in rows if int(row[2].split(":")[1], 16) == port and row[3] == "01"}


def median(values):
    return statistics.median(values)


def table(title, heads, rows):
    lines = [title, "", "| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])
