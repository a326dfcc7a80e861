"""Scattered observations and the fit through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping, Optional, Union

import numpy as np

from .program import Launcher, PathLike
from .result import Launch, real, run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit through scattered observations.

    Attributes:
        fitted: (n,), the fit at the observations, in the unit of the values.
        metrics: the numbers of the run; "width" and "lambda" are those of the fit.
    """

    fitted: np.ndarray
    metrics: dict[str, Any]
    _table: np.ndarray = field(repr=False)  # (n, dim + 1 or dim + 2): coordinates, value, sigma
    _dim: int = field(repr=False)
    _keys: Mapping[str, Any] = field(repr=False)
    _how: Launch = field(repr=False)

    def predict(self, places: ArrayLike, variance: bool = False) -> Union[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Evaluates the fit at places.

        The program solves the fit again, with the width and lambda that fit has found.

        Args:
            places: (m, dim), or (m,) in one dimension, in the unit of the coordinates.
            variance: also return the predictive variance.

        Returns:
            (m,) values; with variance, a pair of these and of (m,) variances in the unit of the
            values squared, approximate and not too small.

        Raises:
            TesseraError: the program ended with an error.
        """
        at = _coordinates("places", places)
        if at.shape[1] != self._dim:
            raise ValueError(f"places have {at.shape[1]} coordinates: want {self._dim}, as the observations have")
        found: dict[str, Any] = {
            "kernel.choose": "none",
            "kernel.lambda": self.metrics["lambda"],
            "evaluate.variance": variance,
        }
        if self.metrics.get("axis_widths"):
            found.update({"kernel.axis_widths": self.metrics["axis_widths"], "kernel.spread": False})
        else:
            found["kernel.width"] = self.metrics["width"]
        result = run(self._keys, {"observations.path": self._table, "evaluate.path": at}, self._how, after=found)
        values = result.arrays["solution"]
        return (values, result.arrays["predictions"][:, self._dim + 1].copy()) if variance else values


def fit(
    x: ArrayLike,
    y: ArrayLike,
    sigma: Optional[ArrayLike] = None,
    *,
    width: Optional[float] = None,
    lam: Optional[float] = None,
    family: str = "wendland-c2",
    options: Optional[Mapping[str, Any]] = None,
    ranks: Optional[int] = None,
    mpirun: Optional[Launcher] = None,
    program: Optional[PathLike] = None,
    verbose: bool = False,
) -> Fit:
    """Fits scattered observations with a kernel (job kernel).

    Args:
        x: places, (n, dim) with one to three coordinates, or (n,) in one dimension.
        y: (n,) values, in any unit.
        sigma: standard deviations in the unit of the values, (n,) or one for all; None = the
            spread of the values, which only sets the scale of lam.
        width: radius of the support of a Wendland kernel, length scale of the others, in the
            unit of x; None = chosen by leave-one-out, or by cross-validation for a given lam.
        lam: weight of the norm of the fit, without unit; None = chosen likewise.
        family: "wendland-c0", "wendland-c2", "wendland-c4", "matern-1/2", "matern-3/2",
            "matern-5/2" or "gaussian".

    The other arguments are those of restore.

    Raises:
        TesseraError: the program ended with an error.
    """
    at = _coordinates("x", x)
    values = real("y", y, (1,)).astype("<f8")
    columns = [at, _column("y", values, len(at))]
    if sigma is not None:
        columns.append(_column("sigma", real("sigma", sigma, (0, 1)).astype("<f8"), len(at)))
    table = np.hstack(columns)
    keys: dict[str, Any] = {
        "job": "kernel",
        "observations.dim": at.shape[1],
        "kernel.family": family,
        "kernel.choose": ("leave-one-out", "cross-validation", "none")[(width is not None) + (lam is not None)],
        "kernel.spread": width is None,
    }
    for value, key, tried in ((width, "kernel.width", "search.widths"), (lam, "kernel.lambda", "search.lambdas")):
        if value is not None:
            keys.update({key: float(value), tried: [float(value)]})
    how = Launch(options, ranks, mpirun, program, verbose)
    result = run(keys, {"observations.path": table, "evaluate.path": at}, how)
    return Fit(result.arrays["solution"], result.metrics, table, at.shape[1], keys, how)


def _coordinates(name: str, places: Any) -> np.ndarray:
    a = real(name, places, (1, 2)).astype("<f8")
    a = a[:, np.newaxis] if a.ndim == 1 else a
    if not 1 <= a.shape[1] <= 3:
        raise ValueError(f"{name} has the shape {a.shape}: want one to three coordinates, (n, dim)")
    return a


def _column(name: str, values: np.ndarray, count: int) -> np.ndarray:
    if values.ndim == 0:
        values = np.full(count, values)
    if values.shape != (count,):
        raise ValueError(f"{name} has the shape {values.shape}: want ({count},), as x has {count} places")
    return values[:, np.newaxis]
