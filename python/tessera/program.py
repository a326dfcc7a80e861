"""The program: where it is, how it is started and stopped, and what it says."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

if TYPE_CHECKING:
    from .result import Result

PathLike = Union[str, "os.PathLike[str]"]
Launcher = Union[int, str, Sequence[str]]


class TesseraError(RuntimeError):
    """The program ended with an error.

    Attributes:
        status: exit status: 1 failed, 2 wrong arguments, config or input, 3 stopped, 4 a defect of
            the program; -N: ended by signal N.
        message: what the program said.
        result: what the run left, as where it did not converge; None if it left nothing.
    """

    def __init__(self, status: int, message: str, result: Optional[Result] = None) -> None:
        super().__init__(status, message, result)
        self.status = status
        self.message = message
        self.result = result

    def __str__(self) -> str:
        return f"{self.message or 'no message'} (exit status {self.status})"


class TesseraWarning(UserWarning):
    """A warning of a run that ended well."""


def find_program(program: Optional[PathLike] = None) -> str:
    """Returns the path of the program.

    The first of these that is given or exists: the argument, the environment variable
    TESSERA, tessera on PATH, and bin/tessera of the checkout that holds this package or the
    working directory.

    Raises:
        FileNotFoundError: there is none, or the one that is named cannot be run.
    """
    for name, where in ((program, "program"), (os.environ.get("TESSERA"), "TESSERA")):
        if name:
            found = shutil.which(os.fspath(name))
            if found is None:
                raise FileNotFoundError(f"{where} = {os.fspath(name)!r}: no such program, or not executable")
            return os.path.abspath(found)
    found = shutil.which("tessera")
    if found is not None:
        return os.path.abspath(found)
    for start in (Path(__file__).resolve().parent, Path.cwd()):
        for folder in (start, *start.parents):
            built = folder / "bin" / "tessera"
            if (folder / "internal" / "jobs" / "registry.go").is_file() and os.access(built, os.X_OK):
                return str(built)
    raise FileNotFoundError(
        "the program tessera is neither on PATH nor bin/tessera of a checkout: build it with "
        "`scripts/run version`, or name it: program=\"/path/to/tessera\", or TESSERA in the environment"
    )


def launch(mpirun: Optional[Launcher], ranks: Optional[int]) -> tuple[list[str], list[str]]:
    """Returns the words before the program and the flags behind it that start the ranks.

    mpirun: a number of ranks, or the words of a launcher, as one text or as a list.
    """
    for name, number in (("ranks", ranks), ("mpirun", mpirun)):
        if isinstance(number, bool) or isinstance(number, int) and number < 1:
            raise ValueError(f"{name} = {number}: want 1 or more")
    if mpirun is None:
        return [], [] if ranks is None else ["-ranks", str(int(ranks))]
    if ranks is not None:
        raise ValueError("ranks and mpirun both say how many ranks there are: give one")
    if isinstance(mpirun, str):
        return shlex.split(mpirun), []
    if isinstance(mpirun, int):
        return ["mpirun", "-n", str(mpirun)], []
    return [os.fspath(word) for word in mpirun], []


# Variables by which a process knows that it is a rank, and the beginnings of all names that
# launchers set.
_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID")
_LAUNCHERS = ("OMPI_", "PRTE_", "PMIX_", "PMI_", "HYDI_", "MPI_LOCAL", "SLURM_PROCID")


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of the program.

    Where mpirun or srun has started this process, the program must not take itself for a
    rank among those processes: what the launcher has set is left out.
    """
    launched = any(name in environment for name in _RANKS)
    return {k: v for k, v in environment.items() if not (launched and k.startswith(_LAUNCHERS))}


def call(words: Sequence[str], verbose: bool) -> tuple[int, str]:
    """Runs a command and returns its exit status and what it wrote to standard error.

    verbose: both outputs are printed while it runs.

    The command has a session of its own, so that Ctrl-C in a terminal reaches it only from
    here. SIGINT is passed on, and the command is waited for; then the handler that was in
    force is called, which raises KeyboardInterrupt. SIGTERM and SIGHUP are passed on in the same
    way and end in SystemExit. Any other exception also stops the command first.
    """
    with _PassedOn() as passed:
        try:
            process = subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if verbose else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=surroundings(os.environ),
                start_new_session=True,
            )
        except FileNotFoundError:
            raise FileNotFoundError(f"{words[0]}: no such program on PATH") from None
        passed.to(process)
        said: list[str] = []
        echo = threading.Thread(target=_echo, args=(process.stdout,), daemon=True)
        try:
            if verbose:
                echo.start()
            assert process.stderr is not None
            for line in process.stderr:
                said.append(line)
                if verbose:
                    print(line, end="", file=sys.stderr, flush=True)
            status = process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        finally:
            if verbose:
                echo.join()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
    return status, "".join(said)


def words_of(text: str, launched: bool) -> str:
    """Returns what the program said, without what a launcher adds about its exit status.

    launched: by mpirun, which writes its own words between lines of dashes.
    """
    kept, skip = [], False
    for line in text.splitlines():
        if launched and len(line) > 20 and set(line) == {"-"}:
            skip = not skip
        elif not skip and line.strip():
            kept.append(line)
    return "\n".join(kept) or text.strip()


def warn(text: str) -> None:
    """Turns the warnings of a run that ended well into Python warnings."""
    for line in text.splitlines():
        if line.startswith("tessera: "):
            warnings.warn(line[len("tessera: ") :], TesseraWarning, stacklevel=5)


def _echo(stream: IO[str]) -> None:
    for line in stream:
        print(line, end="", flush=True)


class _PassedOn:
    """While it is entered, the signals that end a program go to a process.

    On leaving, the handler that was in force is called; where that was the system's, which
    ends this process at once, SystemExit is raised instead, so that nothing is left behind.
    Only the main thread has signals, and a signal that is ignored stays ignored.
    """

    # What the process gets for each signal: it knows no SIGHUP.
    signals = {signal.SIGINT: signal.SIGINT, signal.SIGTERM: signal.SIGTERM, signal.SIGHUP: signal.SIGTERM}

    def __init__(self) -> None:
        self.process: Optional[subprocess.Popen[str]] = None
        self.came: list[int] = []
        self.former: dict[int, Any] = {}

    def to(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        for number in self.came:
            process.send_signal(self.signals[signal.Signals(number)])

    def __enter__(self) -> _PassedOn:
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self.former[number] = signal.signal(number, self._pass)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self.former.items():
            signal.signal(number, handler)
        for number in self.came[:1]:
            if callable(self.former[number]):
                self.former[number](number, None)
            else:
                raise SystemExit(128 + number)

    def _pass(self, number: int, frame: object) -> None:
        self.came.append(number)
        if self.process is not None:
            self.process.send_signal(self.signals[signal.Signals(number)])
