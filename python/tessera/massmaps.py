"""Maps of the projected mass from weak lensing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Union

import numpy as np

from .program import Launcher, PathLike
from .result import Launch, Result, observed, real, run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def mass_map(
    e1: ArrayLike,
    e2: ArrayLike,
    *,
    pixel: float,
    sigma: Union[float, ArrayLike],
    counts: Optional[ArrayLike] = None,
    mask: Optional[ArrayLike] = None,
    spectrum: Optional[ArrayLike] = None,
    options: Optional[Mapping[str, Any]] = None,
    ranks: Optional[int] = None,
    mpirun: Optional[Launcher] = None,
    program: Optional[PathLike] = None,
    verbose: bool = False,
) -> Result:
    """Makes maps of the convergence, the projected mass, of the shear of galaxies (job darkmatter).

    Args:
        e1, e2: the two components of the shear, (rows, cols), rows along y and columns along x.
            NaN and masked elements are missing.
        pixel: side of a pixel in arcmin.
        sigma: standard deviation of the noise of each component: of a pixel, or with counts of
            one galaxy; or a map of it, (rows, cols), in which 0 and NaN are missing.
        counts: galaxies of each pixel, (rows, cols); 0 = missing. Not beside a map of sigma.
        mask: (rows, cols); False or 0 = missing.
        spectrum: (2, n), multipoles and the power of the convergence there; None = estimated
            from the data.

    The other arguments are those of restore.

    Returns:
        solution is the Wiener map, or the learned map with options={"learned.model": FILE} or
        {"learned.skies": N}; arrays["ks_e"] and arrays["ks_b"] are the E and the B mode of Kaiser
        and Squires, arrays["spread"] the standard deviation of the Wiener map by the noise,
        arrays["snr"] its signal to noise. All are float64, (rows, cols).

    Raises:
        TesseraError: the program ended with an error.
    """
    keys: dict[str, Any] = {"job": "darkmatter", "shear.pixel": float(pixel), "output.pictures": False}
    first = real("e1", e1, (2,))
    inputs: dict[str, Optional[np.ndarray]] = {"shear.e1": first}
    maps: list[tuple[str, str, Any]] = [("e2", "e2", e2), ("counts", "counts", counts), ("mask", "mask", mask)]
    if np.ndim(sigma) == 0:
        keys["shear.sigma"] = float(sigma)  # type: ignore[arg-type]
    elif counts is not None:
        raise ValueError("counts and a map of sigma both say how large the noise of a pixel is: give one")
    else:
        maps += [("sigma1", "sigma", sigma), ("sigma2", "sigma", sigma)]
    for key, name, given in maps:
        if given is None:
            continue
        a = (observed if name == "mask" else real)(name, given, (2,))
        if a.shape != first.shape:
            raise ValueError(f"{name} has the shape {a.shape}: want {first.shape}, that of e1")
        inputs["shear." + key] = a
    if spectrum is not None:
        s = real("spectrum", spectrum, (2,))
        if len(s) != 2:
            raise ValueError(f"spectrum has the shape {s.shape}: want (2, n), multipoles and their power")
        inputs["spectrum.path"] = s
    return run(keys, inputs, Launch(options, ranks, mpirun, program, verbose))
