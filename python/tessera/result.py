"""One run of a job: arrays into files, the program, files into arrays."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy as np

from . import program as _program
from .config import to_toml


@dataclass(frozen=True, eq=False)
class Result:
    """What a run left.

    Attributes:
        arrays: the arrays by the names of their files, without the ending; those of an npz
            file by the names inside of it. The page of the job lists them.
        metrics: the numbers of the run, as the page of the job lists them. Numbers that are
            not finite are floats.
        config: TOML text of the config of the run, with every default and all that it chose.
        files: bytes of the files that a function keeps for later, by their names.
    """

    arrays: dict[str, np.ndarray]
    metrics: dict[str, Any]
    config: str = field(default="", repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def solution(self) -> np.ndarray:
        """The answer: the restored frame or stack, in the layout of the input."""
        return self.arrays["solution"]


@dataclass(frozen=True, eq=False)
class Launch:
    """The keywords that all functions have: how a run is started."""

    options: Optional[Mapping[str, Any]] = None
    ranks: Optional[int] = None
    mpirun: Optional[_program.Launcher] = None
    program: Optional[_program.PathLike] = None
    verbose: bool = False


def run(
    keys: Mapping[str, Any],
    inputs: Mapping[str, Optional[np.ndarray]],
    how: Launch,
    after: Optional[Mapping[str, Any]] = None,
    keep: tuple[str, ...] = (),
) -> Result:
    """Runs a job and returns its result.

    keys: values of the config, by dotted keys; how.options replace them, and after
    replaces both. inputs: arrays by the keys that name their files; None = not given.
    keep: names of files of the result whose bytes are kept.

    Raises:
        TesseraError: the program ended with an error.
        KeyboardInterrupt: after Ctrl-C, when the program has stopped.
    """
    found = _program.find_program(how.program)
    before, behind = _program.launch(how.mpirun, how.ranks)
    with tempfile.TemporaryDirectory(prefix="tessera-") as name:
        folder = Path(name)
        merged = dict(keys)
        for key, array in inputs.items():
            if array is not None:
                path = folder / (key.replace(".", "-") + ".npy")
                np.save(path, array, allow_pickle=False)
                merged[key] = str(path)
        for more in (how.options, after):
            merged.update(more or {})
        out = folder / "out"
        merged["output.dir"] = str(out)
        config = folder / "config.toml"
        config.write_text(to_toml(merged), encoding="utf-8")
        quiet = [] if how.verbose else ["-quiet"]
        status, said = _program.call([*before, found, "run", str(config), *behind, *quiet], how.verbose)
        said = said.replace(f"{folder}/", "")  # leaves names such as image-mask.npy
        result = read(out, keep) if (out / "metrics.json").exists() else None
        if status != 0 or result is None:
            words = _program.words_of(said, bool(before))
            raise _program.TesseraError(status, words or "the program left no result", result)
        _program.warn(said)
        return result


def read(out: Path, keep: tuple[str, ...] = ()) -> Result:
    """Reads the arrays, metrics.json and the files to keep of the directory of a result."""
    arrays: dict[str, np.ndarray] = {}
    for path in sorted(out.glob("*.np[yz]")):
        loaded = np.load(path, allow_pickle=False)
        if path.suffix == ".npy":
            arrays[path.stem] = loaded
        else:
            with loaded:
                arrays.update({member: loaded[member] for member in loaded.files})
    metrics = _numbers(json.loads((out / "metrics.json").read_text(encoding="utf-8")))
    config = out / "config.toml"
    files = {name: (out / name).read_bytes() for name in keep if (out / name).exists()}
    return Result(arrays, metrics, config.read_text(encoding="utf-8") if config.exists() else "", files)


def real(name: str, array: Any, dims: tuple[int, ...]) -> np.ndarray:
    """Returns an array that the program reads: float32 or float64, without gaps.

    Masked elements become NaN. float32 and float16 become float32, others float64.
    dims: the numbers of axes that are wanted.

    Raises:
        TypeError: its elements are not real numbers.
        ValueError: it has another number of axes.
    """
    masked = isinstance(array, np.ma.MaskedArray)
    a = np.ma.getdata(array) if masked else np.asarray(array)
    if a.dtype.kind not in "buif":
        raise TypeError(f"{name} has elements of type {a.dtype}: want real numbers")
    if a.ndim not in dims:
        wanted = " or ".join(str(d) for d in dims)
        raise ValueError(f"{name} has the shape {a.shape}: want {wanted} axes")
    single = a.dtype.kind == "f" and a.dtype.itemsize <= 4
    a = np.array(a, dtype="<f4" if single else "<f8", order="C")
    if masked:
        a[np.ma.getmaskarray(array)] = math.nan
    return a


def observed(name: str, mask: Any, dims: tuple[int, ...]) -> np.ndarray:
    """Returns a mask that the program reads: 1 = observed, 0 = missing (0, False, NaN)."""
    m = real(name, mask, dims)
    return ((m != 0) & ~np.isnan(m)).astype(np.uint8)


def _numbers(value: Any) -> Any:
    """Returns metrics with the texts that stand for numbers that are not finite as floats."""
    if isinstance(value, dict):
        return {k: v if k in ("config", "inputs") else _numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbers(v) for v in value]
    if value in ("NaN", "+Inf", "-Inf"):
        return float(value)
    return value
