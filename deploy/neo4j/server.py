"""A Neo4j server without Docker: Maven brings the jars, Java runs them, on the loopback address only.

    eval "$(python3 deploy/neo4j/server.py start)"     starts it and sets NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD
    python3 deploy/neo4j/server.py stop                ends it

Everything lies in `.neo4j/` of the repository: lib (jars, shared by all servers), and a home folder a server. Needs Java 17
or newer and Maven, and nothing of Python but its standard library. NEO4J_VERSION chooses another version.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / ".neo4j"
USER = "neo4j"
DEFAULT_VERSION = "5.26.30"
DEFAULT_PORT = 7687


class CannotStart(Exception):
    """The server cannot be started; the message says what is missing."""


@dataclass(frozen=True)
class Server:
    """A running server. Its password is in the file `server.json` of its home, readable by its owner alone."""

    home: str
    pid: int
    port: int
    password: str

    @property
    def uri(self) -> str:
        """Where drivers connect to."""
        return f"bolt://127.0.0.1:{self.port}"

    def __repr__(self) -> str:
        return f"Server({self.uri}, pid {self.pid})"


def jars(version: str | None = None) -> Path:
    """The folder with Neo4j's jars, downloaded by Maven at the first call.

    Raises:
        CannotStart: Java or Maven is missing or too old, or the download failed.
    """
    version = version or os.environ.get("NEO4J_VERSION", DEFAULT_VERSION)
    needed = 17 if version.startswith("5.") else 21
    if java_version() < needed:
        raise CannotStart(f"Neo4j {version} needs Java {needed} or newer (found {java_version()}); install it or set JAVA_HOME")
    lib = FOLDER / "lib" / version
    if lib.is_dir():
        return lib
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotStart("Maven (mvn) is not on the PATH; install it, for example: apt-get install maven")
    say(f"downloading Neo4j {version} (about 130 MB) …")
    lib.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=lib.parent, prefix="download-") as scratch:
        command = [maven, "-q", "-B", "-f", str(Path(__file__).with_name("pom.xml")), f"-Dneo4j.version={version}"]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={scratch}/{version}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stdout.splitlines() if "ERROR" in line] or ["no message"]
            raise CannotStart(f"Maven could not bring Neo4j {version}: {errors[0]}")
        with suppress(OSError):  # somebody else was quicker
            (Path(scratch) / version).rename(lib)
    return lib


def java() -> str:
    """The java program: of JAVA_HOME if that is set, else of the PATH.

    Raises:
        CannotStart: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        raise CannotStart(
            "Java is not installed; Neo4j needs Java 17 or newer, for example: apt-get install openjdk-17-jre-headless"
        )
    return found


def java_version() -> int:
    """Java's major version, such as 17."""
    said = subprocess.run([java(), "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    match = re.search(r'version "(\d+)', said)
    return int(match[1]) if match else 0


def start(
    home: Path,
    *,
    port: int | None = None,
    seconds: float = 120,
    java_options: tuple[str, ...] = (),
    settings: Mapping[str, str] | None = None,
) -> Server:
    """The server of this home folder, started unless it runs; returns when it answers.

    Without a port it takes 7687, or a free one where that is taken. `settings` come into its neo4j.conf besides ours.

    Raises:
        CannotStart: something is missing, or the server did not come up in time.
    """
    there = running(home)
    if there is not None:
        return there
    lib = jars()
    known = home / "server.json"
    # hexadecimal: a dash in front would be an option to Neo4j's tool
    password = json.loads(known.read_text())["password"] if known.is_file() else secrets.token_hex(18)
    if not known.is_file():
        shutil.rmtree(home, ignore_errors=True)
        _set_password(home, lib, password)
    port = port or (DEFAULT_PORT if _is_free(DEFAULT_PORT) else free_port())
    _configure(home, port, settings or {})
    server = Server(str(home), _launch(home, lib, java_options), port, password)
    _save(known, json.dumps(asdict(server)))
    _wait(server, seconds)
    return server


def stop(home: Path, *, seconds: float = 30) -> bool:
    """Ends the server of this home folder; False where none ran."""
    server = running(home)
    if server is None:
        return False
    os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while running(home) is not None:
        if time.monotonic() > deadline:
            os.kill(server.pid, signal.SIGKILL)
        with suppress(ChildProcessError):  # a child of this process stays as a zombie until it is asked for
            os.waitpid(server.pid, os.WNOHANG)
        time.sleep(0.1)
    return True


def running(home: Path) -> Server | None:
    """The server of this home folder, if its process lives."""
    known = home / "server.json"
    if not known.is_file():
        return None
    server = Server(**json.loads(known.read_text()))
    return server if f"--home-dir={home}" in _command_line(server.pid) else None


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(line: str) -> None:
    """A line for people; standard output belongs to the shell that evaluates it."""
    print(line, file=sys.stderr, flush=True)


def _command_line(pid: int) -> str:
    """What a process was started with, or nothing: its id may belong to another program by now."""
    if Path("/proc/self/cmdline").is_file():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        return ""
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _set_password(home: Path, lib: Path, password: str) -> None:
    (home / "conf").mkdir(parents=True)
    home.chmod(0o700)
    command = [java(), "-cp", f"{lib}/*", "org.neo4j.cli.AdminTool", "dbms", "set-initial-password", password]
    environment = {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise CannotStart(f"Neo4j would not take a first password: {done.stdout.strip().splitlines()[-1:]}")


def _configure(home: Path, port: int, more: Mapping[str, str]) -> None:
    settings = {
        "server.default_listen_address": "127.0.0.1",
        "server.bolt.listen_address": f"127.0.0.1:{port}",
        "server.bolt.advertised_address": f"127.0.0.1:{port}",
        "server.http.enabled": "false",
        "server.https.enabled": "false",
        "server.memory.pagecache.size": "512m",
        "dbms.usage_report.enabled": "false",
        "db.tx_log.rotation.retention_policy": "1 files",
        **more,
    }
    (home / "conf").mkdir(parents=True, exist_ok=True)
    (home / "conf" / "neo4j.conf").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _launch(home: Path, lib: Path, java_options: tuple[str, ...]) -> int:
    """The id of the new server's process, which goes on when this one ends."""
    main = "org.neo4j.server.CommunityEntryPoint" if lib.name.startswith("5.") else "org.neo4j.server.Neo4jCommunity"
    opened = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.nio", "java.io", "sun.nio.ch")]
    command = [
        java(),
        "-Xms128m",
        "-Xmx512m",
        "-XX:+UseG1GC",
        "-Dfile.encoding=UTF-8",
        *java_options,
        *opened,
        "-cp",
        f"{lib}/*",
        main,
    ]
    command += [f"--home-dir={home}", f"--config-dir={home / 'conf'}"]
    log = os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        return os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True)
    finally:
        os.close(log)
        os.close(nothing)


def _wait(server: Server, seconds: float) -> None:
    say(f"starting Neo4j on {server.uri} …")
    home, deadline = Path(server.home), time.monotonic() + seconds
    while not _answers(server.port):
        ended, _ = os.waitpid(server.pid, os.WNOHANG)
        if ended or time.monotonic() > deadline:
            stop(home)
            raise CannotStart(f"Neo4j did not come up; it said: {_last_words(home / 'server.log')} (all: {home / 'server.log'})")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    """True where a bolt server agrees on a version of its protocol."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as bolt:
        bolt.sendall(bytes.fromhex("6060b01700000405000004040000000400000000"))
        return len(bolt.recv(4)) == 4
    return False


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.is_file() else []
    return next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "nothing")


def _save(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def main() -> int:
    """Start or stop the server in .neo4j/server; 0 done, 1 refused."""
    parser = argparse.ArgumentParser(description="A Neo4j server without Docker, on the loopback address only.")
    parser.add_argument("action", choices=("start", "stop"))
    action = parser.parse_args().action
    home = FOLDER / "server"
    try:
        if action == "stop":
            say("stopped" if stop(home) else "no server of ours was running")
            return 0
        server = start(home)
    except CannotStart as error:
        say(f"neo4j: {error}")
        return 1
    print(f"export NEO4J_URI={server.uri}")
    print(f"export NEO4J_USERNAME={USER}")
    print(f"export NEO4J_PASSWORD={server.password}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
