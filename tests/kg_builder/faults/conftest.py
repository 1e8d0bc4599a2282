"""What goes wrong around a build, made to go wrong: the command in a process of its own, a server that can be taken away."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from typer.testing import CliRunner

from kg_builder.cli import app

COMMAND = (sys.executable, "-W", "error", "-c", "from kg_builder.cli import app; app()")


def kg_builder(*arguments, before=(), **more):
    """What the command says in a process of its own; `before` are the words of a program that runs it."""
    command = [*before, *COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)  # noqa: S603 - our own words


def in_process(*arguments):
    """What the command says in this process, for faults that no process can die of; a traceback fails the test."""
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def refusal(done, code=1):
    """The one line with which the command ended; no traceback, nothing else on the error stream but what was tried again."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    *before, line = done.stderr.splitlines()
    assert line.startswith("kg-builder: "), done.stderr
    assert all("trying again" in one for one in before), done.stderr
    return line.removeprefix("kg-builder: ")


_COMMIT = b"\x00\x02\xb0\x12\x00\x00"
"""The message of the Bolt protocol."""


class Proxy:
    """Stands between a client and a server: delays, breaks or rewrites what the server says, or is gone."""

    def __init__(self, port):
        self.target = port
        self.delay = 0.0
        self.rewrites = {}
        self.cuts = []
        """After how many bytes to the server all connections break, once each."""
        self.losses = []
        """Which commits, counted from 1, are made and nobody is told: the answer is lost with the connections."""
        self.commits = 0
        self.passed = 0
        self.broken = 0
        self._pairs = []
        self._listen(0)
        self.port = self._ear.getsockname()[1]

    @property
    def address(self):
        return f"bolt://127.0.0.1:{self.port}"

    def _listen(self, port):
        self._ear = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(self._ear,), daemon=True).start()

    def _accept(self, ear):
        with suppress(OSError):
            while True:
                client, _ = ear.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._pairs += [client, server]
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source, target, answers):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                time.sleep(self.delay)
                if answers and self.losses and self.commits >= self.losses[0]:
                    self.losses.pop(0)
                    return self.break_off()
                if answers:
                    for old, new in self.rewrites.items():
                        data = data.replace(old, new)
                else:
                    self.passed += len(data)
                    if self.cuts and self.passed > self.cuts[0]:
                        self.cuts.pop(0)
                        return self.break_off()
                    self.commits += data.endswith(_COMMIT)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        return None

    def break_off(self):
        """All connections end."""
        self.broken += 1
        pairs, self._pairs = self._pairs, []
        for one in pairs:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def leave(self):
        """Nobody answers any more."""
        with suppress(OSError):
            self._ear.shutdown(socket.SHUT_RDWR)
        self._ear.close()
        self.break_off()

    def come_back(self):
        self._listen(self.port)


@pytest.fixture
def proxy(neo4j_server, neo4j_address):
    """A proxy before the tests' server."""
    made = Proxy(neo4j_server.port)
    yield made
    made.leave()
