"""Stacks of stamps, each with a PSF of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

import numpy as np

from .program import Launcher, PathLike
from .result import Launch, Result, observed, real, run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def deconvolve_stamps(
    stamps: ArrayLike,
    psfs: ArrayLike,
    *,
    index: Optional[ArrayLike] = None,
    weights: Optional[ArrayLike] = None,
    mask: Optional[ArrayLike] = None,
    sigma: Optional[float] = None,
    mode: str = "sparse",
    options: Optional[Mapping[str, Any]] = None,
    ranks: Optional[int] = None,
    mpirun: Optional[Launcher] = None,
    program: Optional[PathLike] = None,
    verbose: bool = False,
) -> Result:
    """Deconvolves a stack of galaxy stamps (job psf).

    Args:
        stamps: (count, side, side), in any unit. NaN and masked elements are missing.
        psfs: (count, psf side, psf side), one for each stamp; (psf side, psf side) or
            (1, psf side, psf side), one for all; or those that index counts. Each is divided by its sum.
        index: (count,), for each stamp the number of its PSF, from 0.
        weights: the shape of stamps: relative weights of the pixels, 0 = missing. With
            options={"psf.noise": "weights"}, 1/variance in 1/(unit of the stamps)^2.
        mask: the shape of stamps; False or 0 = missing.
        sigma: standard deviation of the noise in the unit of the stamps; None = found.
        mode: "sparse" (each stamp by itself) or "low-rank" (all together).

    The other arguments are those of restore.

    Returns:
        solution has the shape and unit of stamps; it is float32, or float64 with
        options={"psf.precision": "double"}.

    Raises:
        TesseraError: the program ended with an error.
    """
    stack = real("stamps", stamps, (3,))
    keys: dict[str, Any] = {"job": "psf", "psf.mode": mode, "output.mosaic": 0}
    if sigma is not None:
        keys.update({"psf.noise": "given", "psf.sigma": float(sigma)})
    kernels = real("psfs", psfs, (2, 3))
    inputs: dict[str, Optional[np.ndarray]] = {
        "stack.path": stack,
        "psf.path": kernels.reshape(-1, *kernels.shape[-2:]),
        "psf.index": None if index is None else real("index", index, (1,)).astype("<f8")[:, np.newaxis],
    }
    for key, given, check in (("weights", weights, real), ("mask", mask, observed)):
        if given is not None:
            a = check(key, given, (3,))
            if a.shape != stack.shape:
                raise ValueError(f"{key} has the shape {a.shape}: want {stack.shape}, that of stamps")
            inputs["stack." + key] = a
    return run(keys, inputs, Launch(options, ranks, mpirun, program, verbose))
