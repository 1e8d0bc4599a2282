"""The processes that fit and rank: one order at a time, ended when its time is over, whatever it does."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from graphrec.comparison import peer_worker
from graphrec.comparison.systems import OWN, System

_INSTALL = {"implicit": "pip install 'graphrec[peers]'"}
_ELSEWHERE = "benchmarks/peers.sh makes an environment"


START = 300.0
"""Seconds that a process may take to start, import and read, which are not the system's own."""


class OutOfTime(Exception):
    """The order was not done in its time; the process was ended."""


class Failed(Exception):
    """The order cannot be done; one line says why."""


class Missing(Failed):
    """A package is not installed, so no order can be done."""


class Worker:
    """A process that carries out orders; it is started by the first one, and anew after one that ended it.

    Starting, importing and reading the data come before an order's clock, so that heavy imports cost no system its search.
    """

    def __init__(self, command: Sequence[str], *, log: Path, threads: int) -> None:
        self._command, self._log, self._threads = command, log, threads
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._starting = 0.0

    def clock(self) -> float:
        """Seconds, while which the process was not just being started."""
        return time.monotonic() - self._starting

    def ask(self, order: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """The answer to the order.

        Raises:
            OutOfTime: there was none within the seconds.
            Failed: the process ended, lacks a package, or says that it could not.
        """
        if self._process is None:
            started = time.monotonic()
            try:
                self._start()
                self._answer({**order, "ready": True}, START)
            finally:
                self._starting += time.monotonic() - started
        return self._answer(order, seconds)

    def _answer(self, order: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        process = self._process
        assert process is not None  # noqa: S101  (it was started)
        assert process.stdin is not None  # noqa: S101  (it was opened as a pipe)
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            line = self._answers.get(timeout=max(seconds, 0))
        except queue.Empty:
            self.end()
            raise OutOfTime(f"not {'started' if order.get('ready') else 'done'} within {seconds:,.0f} s") from None
        except BrokenPipeError:
            line = None
        if line is None:
            raise Failed(self._last_words(process))
        return _checked(json.loads(line))

    def end(self) -> None:
        """The process is gone, and whatever it started."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _start(self) -> None:
        variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LK_NUM_THREADS")
        surroundings = {**os.environ, **dict.fromkeys(variables, str(self._threads)), "PYTHONWARNINGS": "ignore"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (the interpreter is the user's own choice)
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=surroundings,
                start_new_session=True,
            )
        self._answers = queue.Queue()
        threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True).start()

    def _last_words(self, process: subprocess.Popen[str]) -> str:
        code = process.wait()
        self.end()
        if code < 0:
            killed = "; out of memory?" if code == -signal.SIGKILL else ""
            return f"its process was ended by {signal.Signals(-code).name}{killed}"
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"its process ended with code {code}: {said[-1] if said else 'without a word'}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.end()


def command(system: System, pythons: Mapping[str, str]) -> list[str]:
    """What starts the system's process. pythons: interpreters by system or family; this one for all others."""
    if system.family == OWN:
        return [sys.executable, "-m", "graphrec.comparison.own_worker"]
    python = pythons.get(system.name) or pythons.get(system.family) or sys.executable
    start = f"import runpy; runpy.run_path({str(Path(peer_worker.__file__))!r}, run_name='__main__')"
    return [python, "-c", start]  # not by its path: the folder's other files would come before the peers' modules


def _checked(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if "missing" in answer:
        package = answer["missing"]
        remedy = f"{_INSTALL.get(package, _ELSEWHERE)}, or name another interpreter by --python"
        raise Missing(f"{package} is not installed here; {remedy}")
    if "error" in answer:
        raise Failed(answer["error"])
    return answer


def _listen(process: subprocess.Popen[str], answers: "queue.Queue[str | None]") -> None:
    """Every line that the process writes is an answer, and None its end."""
    assert process.stdout is not None  # noqa: S101  (it was opened as a pipe)
    try:
        for line in process.stdout:
            answers.put(line)
    except ValueError:  # closed while it was read
        pass
    answers.put(None)
