"""What the tests share: the program, small inputs, and the command line run by hand."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tessera  # noqa: E402

# A shell's background job ignores Ctrl-C, and what nohup starts ignores SIGHUP; so would every program that a test
# starts from it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def program():
    return tessera.find_program()


@pytest.fixture(scope="session")
def hand(program):
    """Runs a command line, which must end well, and returns what it wrote to standard output."""

    def run(*words):
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder for temporary folders; the test fails if anything is left in it."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield place
    assert list(place.iterdir()) == []


@pytest.fixture(scope="session")
def psf():
    r, c = np.mgrid[-3:4, -3:4]
    return np.exp(-(r**2 + c**2) / 2.5)


@pytest.fixture(scope="session")
def frame():
    """A frame of 20 x 26 pixels with three blobs and noise."""
    rng = np.random.default_rng(7)
    r, c = np.mgrid[:20, :26]
    y = sum(p * np.exp(-((r - a) ** 2 + (c - b) ** 2) / 8) for p, a, b in ((5, 5, 6), (8, 12, 17), (3, 15, 8)))
    return y + rng.normal(0, 0.1, y.shape)


@pytest.fixture(scope="session")
def stamps():
    """Six stamps of 15 x 15 pixels with a round source each and noise."""
    rng = np.random.default_rng(8)
    r, c = np.mgrid[-7:8, -7:8]
    one = [p * np.exp(-(r**2 + c**2) / (2 * w**2)) for p, w in zip(range(2, 8), np.linspace(2, 3, 6))]
    return np.array(one) + rng.normal(0, 0.05, (6, 15, 15))


@pytest.fixture(scope="session")
def observations():
    """Places (80, 2), values and sigmas of a smooth function."""
    rng = np.random.default_rng(9)
    x = rng.uniform(0, 1, (80, 2))
    return x, 10 + np.sin(4 * x[:, 0]) * x[:, 1] + rng.normal(0, 0.02, 80), np.full(80, 0.02)


@pytest.fixture(scope="session")
def shear():
    """Both components of the shear of 24 x 20 pixels, noise alone."""
    rng = np.random.default_rng(11)
    return rng.normal(0, 0.1, (24, 20)), rng.normal(0, 0.1, (24, 20))


@pytest.fixture(scope="session")
def samples():
    """60 matched samples of 9 and 3 numbers."""
    rng = np.random.default_rng(10)
    high = np.exp(-((np.arange(9) - rng.uniform(1, 7, (60, 1))) ** 2) / 3)
    return high, high[:, ::3]


@pytest.fixture(scope="session")
def model(hand, tmp_path_factory):
    """A model of a job tppa-train, of two layers and one step."""
    root = Path(__file__).resolve().parents[2]
    out = tmp_path_factory.mktemp("model") / "out"
    small = ["tppa.steps=1", "tppa.layers=2", "simulate.count=4", "simulate.rows=24", "simulate.cols=24"]
    small += ["data.validation=1", "output.pictures=false"]
    sets = [word for s in small for word in ("-set", s)]
    hand("run", root / "configs" / "tppa-train.toml", "-quiet", "-out", out, *sets)
    return out / "model.npz"
