"""Spark's session: started quietly, ended with the work, and its failures told in a line each."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kg_builder.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_JAVA = 17
"""The oldest that Spark 4 runs on."""
_PATIENCE = 5.0
"""Seconds that a master may take to answer."""
_QUIET = {
    "spark.app.name": "kg-builder",
    "spark.ui.showConsoleProgress": "false",
    "spark.executorEnv.POLARS_MAX_THREADS": "1",  # a core a task: Spark runs as many as there are cores
}
_HERE = "local[*,2]"
"""All cores of this machine, each task tried twice."""
_ALONE = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
"""Where no other machine takes part, none need reach us."""
_RAISED = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?$")
"""The last line of a Python traceback: what was raised, and what it says."""


@contextmanager
def session(master: str | None) -> "Iterator[SparkSession]":
    """The session that this process has, else one of its own, which ends with the context.

    Raises:
        EngineError: there is no PySpark or no Java, the master does not answer, or a task fails, with what it said last.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineError("the engine spark needs PySpark: pip install 'graphrec[spark]'") from error
    with tempfile.NamedTemporaryFile(prefix="kg-builder-spark-", suffix=".log", delete=False) as log, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        ours = None
        try:
            there = SparkSession.getActiveSession()
            ours = _started(master, log) if there is None else None
            yield there or ours  # type: ignore[misc]
        except (PySparkException, Py4JError) as error:
            more = f" (Spark's log: {log.name})" if Path(log.name).stat().st_size else ""
            raise EngineError(f"{_told(str(error))}{more}") from error
        finally:
            if ours is not None:
                ours.stop()
            if not isinstance(sys.exception(), EngineError) or not Path(log.name).stat().st_size:
                Path(log.name).unlink(missing_ok=True)


def _started(master: str | None, log: IO[bytes]) -> "SparkSession":
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    remote = os.environ.get("SPARK_REMOTE") if master is None else master if master.startswith("sc://") else None
    if remote is not None:  # a server of Spark Connect: no Java here
        return SparkSession.builder.remote(remote).getOrCreate()
    _check_master(master or "")
    if SparkContext._gateway is None:
        _check_java()
        given = SparkConf(loadDefaults=False).setAll(list(_QUIET.items()))
        gateway = launch_gateway(given, {"stdout": log, "stderr": log})  # type: ignore[no-untyped-call]
        SparkContext._ensure_initialized(gateway=gateway)
    conf = SparkConf().setAll(list(_QUIET.items()))
    where = master or conf.get("spark.master", _HERE) or _HERE
    conf.setMaster(where)
    _check_master(where)
    if where.startswith("local"):
        conf.setAll(list(_ALONE.items()))
    python = conf.get("spark.pyspark.python", sys.executable if where.startswith("local") else None)
    with _environment("PYSPARK_PYTHON", python):
        return SparkSession(SparkContext(conf=conf))


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    """The variable has this value for a while, unless it has one."""
    if value is None or name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _check_java() -> None:
    """Raise where there is no Java, or one that is too old."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java" if home is None else str(Path(home) / "bin" / "java"))
    if java is None:
        raise EngineError(f"the engine spark needs Java {_JAVA} or newer, and there is none: install it, or set JAVA_HOME")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None or int(found[1]) < _JAVA:
        version = said.partition("\n")[0].strip() or "nothing"
        raise EngineError(
            f"the engine spark needs Java {_JAVA} or newer (got {version} from {java}); set JAVA_HOME to a newer one"
        )


def _check_master(master: str) -> None:
    """Raise where nobody answers at the addresses of a cluster of Spark's own kind, of which one is enough."""
    if not master.startswith("spark://"):
        return
    addresses = master.removeprefix("spark://").split(",")
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _PATIENCE).close()
        except (OSError, ValueError, OverflowError):
            continue
        return
    raise EngineError(f"no Spark master answers at {master}; start one, or work on this machine with --master 'local[*]'")


def _told(said: str) -> str:
    """What went wrong in one line: of a task what its Python raised last, else what Java did."""
    if "Python worker exited unexpectedly" in said:
        return "a task of Spark was killed each time, most often for want of memory; give the workers more, or fewer cores each"
    _, failed, python = said.rpartition("Traceback (most recent call last):")
    raised = [found for line in python.splitlines() if failed and (found := _RAISED.match(line)) is not None]
    if raised:
        what, why = raised[0].groups()
        hint = "; install graphrec for the Python of every worker (PYSPARK_PYTHON)" if what == "ModuleNotFoundError" else ""
        return f"a task of Spark failed: {why or what}{hint}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    java = next((line.removeprefix(": ") for line in lines if line.startswith(": ")), lines[0] if lines else "it says nothing")
    return f"Spark cannot go on: {java}"
