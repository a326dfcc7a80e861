"""The program is found, started, stopped and listened to."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tessera
from tessera import program as program_module

PACKAGE = Path(__file__).resolve().parents[1]
# A limit that only ends what hangs, seconds.
LIMIT = 300


def script(path, text):
    """Writes a program of the shell."""
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def wait_for(process, done):
    """Waits until done() is true, as long as the process runs."""
    end = time.monotonic() + LIMIT
    while not done():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def start(code, folder, **env):
    """Starts Python code with the package and a folder for temporary folders."""
    env = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(PACKAGE), **env}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


LONG_RUN = """
import numpy as np, tessera
stamps = np.random.default_rng(1).normal(1, .1, (4, 15, 15))
psf = np.ones((1, 3, 3))
tessera.deconvolve_stamps(stamps, psf, options={"psf.iterations": 1000000, "psf.still": 0, "psf.check_every": 50}, **MORE)
"""


def logged(folder):
    """Whether a run in one of the temporary folders has logged a convergence check."""
    return any(b'"check"' in p.read_bytes() for p in folder.glob("tessera-*/out/.run-*.log"))


@pytest.mark.parametrize("verbose", (False, True))
def test_interrupt(folder, verbose):
    """Ctrl-C stops the program, which says so, and is raised again; nothing is left."""
    process = start(LONG_RUN.replace("MORE", repr({"verbose": verbose, "ranks": 2})), folder)
    wait_for(process, lambda: logged(folder))
    assert [p.stat().st_mode & 0o077 for p in folder.iterdir()] == [0]
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=LIMIT)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
    assert ("stopped" in err) == verbose, out + err


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGHUP))
def test_other_signals(folder, number):
    """A batch system or a terminal that closes stops the program, too, and nothing is left."""
    process = start(LONG_RUN.replace("MORE", repr({"verbose": True, "ranks": 1})), folder)
    wait_for(process, lambda: logged(folder))
    process.send_signal(number)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + number
    assert "stopped" in err and "Traceback" not in err


def test_own_handler(tmp_path, folder):
    """A handler of the user's own is called when the program has stopped; its result is an error then."""
    fake = script(tmp_path / "fake", COUNTING.replace("$n = 2", "$n = 1"))
    state = tmp_path / "state"
    code = """
import signal, tessera
signal.signal(signal.SIGINT, lambda number, frame: print("noted"))
tessera.restore([[1., 2.], [3., 4.]], None)
"""
    process = start(code, folder, TESSERA=fake, STATE=str(state))
    wait_for(process, Path(f"{state}.0").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert out == "noted\n" and "TesseraError" in err and "(exit status 3)" in err


def test_ignored_signal():
    """What is ignored stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with program_module._PassedOn():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    finally:
        signal.signal(signal.SIGHUP, before)


COUNTING = """
trap 'n=$((n+1)); echo > "$STATE.$n"; [ $n = 2 ] && exit 3' INT
n=0
echo > "$STATE.0"
while :; do sleep 0.05; done
"""


def test_two_interrupts(tmp_path, folder):
    """A second Ctrl-C is passed on, too, and the program is waited for in between."""
    fake = script(tmp_path / "fake", COUNTING)
    state = tmp_path / "state"
    process = start("import tessera; tessera.restore([[1., 2.], [3., 4.]], None)", folder, TESSERA=fake, STATE=str(state))
    for n in range(2):
        wait_for(process, Path(f"{state}.{n}").exists)
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert Path(f"{state}.2").exists()


def test_other_exceptions_stop_the_program(tmp_path, folder):
    """So do exceptions that are no Ctrl-C, such as those of handlers of other signals."""
    fake = script(tmp_path / "fake", COUNTING.replace("$n = 2", "$n = 1"))
    state = tmp_path / "state"
    code = """
import signal, tessera
def stop(number, frame): raise TimeoutError("enough")
signal.signal(signal.SIGUSR1, stop)
tessera.restore([[1., 2.], [3., 4.]], None)
"""
    process = start(code, folder, TESSERA=fake, STATE=str(state))
    wait_for(process, lambda: Path(f"{state}.0").exists())
    process.send_signal(signal.SIGUSR1)
    _, err = process.communicate(timeout=LIMIT)
    assert "TimeoutError: enough" in err
    assert Path(f"{state}.1").exists()


def test_session_of_its_own():
    """A Ctrl-C in a terminal reaches the program once, through this process."""
    code = "import os, sys; sys.stderr.write(str(os.getpgid(0)))"
    status, said = program_module.call([sys.executable, "-c", code], False)
    assert status == 0 and int(said) != os.getpgid(0)


def test_handler_comes_back():
    before = signal.getsignal(signal.SIGINT)
    program_module.call(["true"], False)
    assert signal.getsignal(signal.SIGINT) is before


def test_error_with_a_result(frame, psf, folder):
    """A run that did not converge is an error that carries what it left."""
    weights = np.random.default_rng(4).uniform(0.1, 1, frame.shape)
    slow = {"tikhonov.method": "cg", "tikhonov.max_iterations": 2, "tikhonov.tolerance": 1e-12}
    with pytest.raises(tessera.TesseraError, match="not converged after 2 iterations") as caught:
        tessera.restore(frame, psf, weights=weights, lam=1e-6, options=slow, ranks=1)
    assert caught.value.status == 1
    assert caught.value.result.solution.shape == frame.shape
    assert caught.value.result.metrics["converged"] is False


@pytest.mark.parametrize("status", (1, 2, 3, 4))
def test_status(tmp_path, folder, status):
    fake = script(tmp_path / "fake", f"echo 'first line' >&2; echo 'second line' >&2; exit {status}\n")
    with pytest.raises(tessera.TesseraError) as caught:
        tessera.restore(np.ones((3, 3)), None, program=fake)
    assert (caught.value.status, caught.value.message) == (status, "first line\nsecond line")


def test_killed(tmp_path, folder):
    fake = script(tmp_path / "fake", "kill -KILL $$\n")
    with pytest.raises(tessera.TesseraError) as caught:
        tessera.restore(np.ones((3, 3)), None, program=fake)
    assert caught.value.status == -signal.SIGKILL


def test_without_a_result(tmp_path, folder):
    with pytest.raises(tessera.TesseraError, match="left no result"):
        tessera.restore(np.ones((3, 3)), None, program=script(tmp_path / "fake", "exit 0\n"))


def test_warnings_and_numbers(tmp_path, folder):
    """Lines of a run that ends well are warnings; texts for numbers are numbers."""
    metrics = json.dumps({"a": "NaN", "b": ["+Inf", {"c": "-Inf"}], "d": "text", "config": {"x": "NaN"}})
    fake = script(
        tmp_path / "fake",
        f"""out=$(sed -n 's/^dir = "\\(.*\\)"/\\1/p' "$2"); mkdir "$out"
echo '{metrics}' > "$out/metrics.json"; echo 'tessera: mind this' >&2; echo 'noise of a launcher' >&2
""",
    )
    with pytest.warns(tessera.TesseraWarning, match="mind this") as seen:
        result = tessera.restore(np.ones((3, 3)), None, program=fake)
    assert [Path(w.filename).name for w in seen] == ["test_program.py"]
    m = result.metrics
    assert np.isnan(m["a"]) and m["b"] == [np.inf, {"c": -np.inf}] and m["d"] == "text" and m["config"]["x"] == "NaN"


def test_verbose(frame, folder, capfd):
    tessera.restore(frame, None, lam=0.1, ranks=1, verbose=True)
    assert "lambda" in capfd.readouterr().out
    tessera.restore(frame, None, lam=0.1, ranks=1)
    assert capfd.readouterr().out == ""


def test_ranks(frame, psf, folder):
    one, three = (tessera.restore(frame, psf, lam=0.1, ranks=n) for n in (1, 3))
    assert (one.metrics["ranks"], three.metrics["ranks"]) == (1, 3)
    np.testing.assert_allclose(one.solution, three.solution, atol=1e-5)


@pytest.fixture
def words(hand):
    """The words that start two ranks."""
    if shutil.which("mpirun") is None:
        pytest.skip("no mpirun")
    if " mpi" not in hand("version").partition("build tags:")[2]:
        pytest.skip("the program was built without MPI")
    as_root = ["--allow-run-as-root"] if os.getuid() == 0 else []
    return ["mpirun", *as_root, "--oversubscribe", "--bind-to", "none", "-n", "2"]


def test_interrupted_mpirun(folder, words):
    process = start(LONG_RUN.replace("MORE", repr({"mpirun": words})), folder)
    wait_for(process, lambda: logged(folder))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    assert err.rstrip().endswith("KeyboardInterrupt")


def test_inside_mpirun(folder, words):
    """Every process of a parallel Python program has runs of its own."""
    code = """
import os, numpy as np, tessera
rank = int(os.environ["OMPI_COMM_WORLD_RANK"])
result = tessera.restore(np.full((8, 8), 1.0 + rank), None, lam=0.1, ranks=1)
assert abs(result.solution - 1 - rank).max() < 1e-6 and result.metrics["ranks"] == 1
os.write(1, b"rank %d done\\n" % rank)
"""
    env = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([*words, sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "rank 0 done", "rank 1 done"]


def test_surroundings():
    kept = {"PATH": "/bin", "OMPI_MCA_btl": "self", "SLURM_JOB_ID": "7"}
    assert program_module.surroundings(kept) == kept
    for rank in ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID"):
        launched = {**kept, rank: "0", "PMIX_SERVER_URI": "x"}
        assert program_module.surroundings(launched) == {"PATH": "/bin", "SLURM_JOB_ID": "7"}


def test_mpirun(frame, psf, folder, words):
    result = tessera.restore(frame, psf, lam=0.1, mpirun=words)
    assert result.metrics["ranks"] == 2 and "in-process" not in result.metrics["transport"]
    np.testing.assert_array_equal(result.solution, tessera.restore(frame, psf, lam=0.1, ranks=2).solution)
    with pytest.raises(tessera.TesseraError) as caught:
        tessera.restore(frame, psf, lam=-1, mpirun=words)
    assert "tikhonov.lambda" in caught.value.message and "----" not in caught.value.message
    assert caught.value.status == 2


@pytest.mark.parametrize(
    "mpirun, ranks, want",
    [
        (None, None, ([], [])),
        (None, 4, ([], ["-ranks", "4"])),
        (4, None, (["mpirun", "-n", "4"], [])),
        ("srun -n 8", None, (["srun", "-n", "8"], [])),
        (["srun", "-n", "8"], None, (["srun", "-n", "8"], [])),
    ],
)
def test_launch(mpirun, ranks, want):
    assert program_module.launch(mpirun, ranks) == want


def test_missing_launcher(frame, folder):
    with pytest.raises(FileNotFoundError, match="no-such-launcher"):
        tessera.restore(frame, None, mpirun="no-such-launcher -n 2")


def test_find(tmp_path, monkeypatch):
    """The argument, TESSERA, PATH, then a checkout around the working directory."""
    named, env, path = (script(tmp_path / name, "") for name in ("named", "env", "tessera"))
    checkout = tmp_path / "checkout"
    for folder in ("bin", "internal/jobs", "deep/er"):
        (checkout / folder).mkdir(parents=True)
    (checkout / "internal/jobs/registry.go").write_text("")
    built = script(checkout / "bin/tessera", "")
    monkeypatch.chdir(checkout / "deep/er")
    monkeypatch.setattr(program_module, "__file__", str(tmp_path / "site" / "program.py"))
    monkeypatch.setenv("TESSERA", env)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tessera.find_program(named) == named
    assert tessera.find_program() == env
    monkeypatch.delenv("TESSERA")
    assert tessera.find_program() == path
    monkeypatch.setenv("PATH", "")
    assert tessera.find_program() == built
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="scripts/run version"):
        tessera.find_program()
    with pytest.raises(FileNotFoundError, match="program = 'absent'"):
        tessera.find_program("absent")
    monkeypatch.setenv("TESSERA", "gone")
    with pytest.raises(FileNotFoundError, match="TESSERA = 'gone'"):
        tessera.find_program()


def test_example(tmp_path, program):
    """The example runs as its comment says and gains what it prints."""
    kept = tmp_path / "restored.npy"
    env = {**os.environ, "PYTHONPATH": str(PACKAGE), "TESSERA": program}
    done = subprocess.run(
        [sys.executable, PACKAGE / "examples" / "restore.py", kept], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    before, after = (float(line.split()[-2]) for line in done.stdout.splitlines() if line.startswith("rms"))
    assert after < before / 2
    assert np.load(kept).shape == (64, 80)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/*.py")), ids=lambda p: p.name)
def test_python_3_9(path):
    """Every file has the grammar of Python 3.9, and annotations that it does not evaluate."""
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    annotated = any(isinstance(n, ast.FunctionDef) and n.returns for n in ast.walk(tree))
    if annotated and path.parent.name == "tessera":
        assert "from __future__ import annotations" in path.read_text()


def test_table_of_functions():
    """README.md lists every function."""
    text = (PACKAGE / "README.md").read_text()
    for name in tessera.__all__:
        if name[0].islower() and name != "find_program":
            assert f"`{name}(" in text, name


def test_install(tmp_path):
    """pip makes a package of all files, without the network."""
    probe = "import setuptools, pip, sys; sys.exit(int(setuptools.__version__.split('.')[0]) < 61)"
    if subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode:
        pytest.skip("no pip or no setuptools of version 61")
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--no-compile"]
    done = subprocess.run([*pip, "--target", target, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    want = {p.name for p in (PACKAGE / "tessera").iterdir() if p.is_file()}
    assert {p.name for p in (target / "tessera").iterdir()} == want
