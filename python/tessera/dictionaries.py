"""Coupled dictionaries of samples of high and of low resolution."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional

import numpy as np

from .program import Launcher, PathLike
from .result import Launch, real, run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Dictionaries:
    """A coupled pair of dictionaries.

    Attributes:
        high: (P, atoms), atoms of length 1.
        low: (M, atoms), in the unit of the samples.
        linear: (P, M), the least-squares map from low to high samples, for comparison.
        metrics: the numbers of the run.
    """

    high: np.ndarray
    low: np.ndarray
    linear: np.ndarray
    metrics: dict[str, Any]
    _files: Mapping[str, bytes] = field(repr=False)

    def save(self, folder: PathLike) -> None:
        """Writes dictionary.npz and dictionary.toml, which the jobs scdl-spectra and scdl-upscale read.

        The folder is made if it does not exist.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, content in self._files.items():
            (Path(folder) / name).write_bytes(content)


def train_dictionaries(
    high: ArrayLike,
    low: ArrayLike,
    *,
    atoms: int = 128,
    held_out: float = 0.2,
    options: Optional[Mapping[str, Any]] = None,
    ranks: Optional[int] = None,
    mpirun: Optional[Launcher] = None,
    program: Optional[PathLike] = None,
    verbose: bool = False,
) -> Dictionaries:
    """Learns a coupled pair of dictionaries from matched samples (job scdl-train).

    Args:
        high: (count, P), a sample of high resolution in each row; all numbers finite.
        low: (count, M), the same samples in low resolution.
        atoms: number of atoms, at most the number of samples to learn from.
        held_out: fraction of the samples that is not learned from; metrics["learned"] has the
            errors of their prediction. 0 = none.

    The other arguments are those of restore.

    Raises:
        TesseraError: the program ended with an error.
    """
    samples = {"data.high": real("high", high, (2,)), "data.low": real("low", low, (2,))}
    keys = {"job": "scdl-train", "data.samples": "rows", "data.held_out": float(held_out), "scdl.atoms": int(atoms)}
    how = Launch(options, ranks, mpirun, program, verbose)
    result = run(keys, samples, how, keep=("dictionary.npz", "dictionary.toml"))
    arrays = result.arrays
    return Dictionaries(arrays["high"], arrays["low"], arrays["linear"], result.metrics, result.files)
