"""Frames: restoration by Tikhonov regularisation, by total variation, and as learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Mapping, Optional, Union

import numpy as np

from .program import Launcher, PathLike
from .result import Launch, Result, observed, real, run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def restore(
    y: ArrayLike,
    psf: Optional[ArrayLike],
    *,
    weights: Optional[ArrayLike] = None,
    sigma: Optional[ArrayLike] = None,
    mask: Optional[ArrayLike] = None,
    lam: Union[float, str] = "auto",
    regulariser: str = "gradient",
    channel_axis: Optional[int] = None,
    options: Optional[Mapping[str, Any]] = None,
    ranks: Optional[int] = None,
    mpirun: Optional[Launcher] = None,
    program: Optional[PathLike] = None,
    verbose: bool = False,
) -> Result:
    """Restores a frame that is blurred, noisy and incomplete.

    The result minimises ||W^(1/2) (H x - y)||^2 + lam ||Q x||^2 with the blur H by the PSF and
    the regulariser Q (job tikhonov).

    Args:
        y: the frame, (rows, cols), (rows, cols, channels) or (channels, rows, cols), in any
            unit. NaN and masked elements are missing.
        psf: the PSF, (rows, cols) of any size; it is divided by its sum. None = no blur.
        weights: 1/variance of the noise, in 1/(unit of y)^2; 0 = missing. The shape of y, or
            (rows, cols) for all channels.
        sigma: standard deviation of the noise in the unit of y, instead of weights.
        mask: False or 0 = missing. The shape of y, or (rows, cols).
        lam: a number, or a rule: "auto", "discrepancy", "gcv", "l-curve",
            "marginal-likelihood".
        regulariser: "gradient", "laplacian" or "identity".
        channel_axis: 0 or -1, for a frame of three axes. None: the last axis if its length is
            1 or 3, the first axis if the last one is longer than 4; otherwise an error.
        options: values of other keys of the config, such as {"output.errors": "posterior"}.
        ranks: number of in-process ranks; None = one for each core.
        mpirun: number of MPI processes, or the words of a launcher.
        program: path of the program; see find_program.
        verbose: print what the program prints.

    Returns:
        solution is float64, has the shape and unit of y, and no holes. With
        options={"output.errors": "posterior"}, arrays["sigma"] is its standard deviation.

    Raises:
        TesseraError: the program ended with an error.
    """
    keys = {"job": "tikhonov", "tikhonov.regulariser": regulariser, "tikhonov.lambda": lam}
    return _frame(keys, y, psf, weights, sigma, mask, channel_axis, Launch(options, ranks, mpirun, program, verbose))


def tv(
    y: ArrayLike,
    psf: Optional[ArrayLike],
    *,
    weights: Optional[ArrayLike] = None,
    sigma: Optional[ArrayLike] = None,
    mask: Optional[ArrayLike] = None,
    lam: Union[float, str] = "discrepancy",
    lower: Optional[float] = None,
    upper: Optional[float] = None,
    channel_axis: Optional[int] = None,
    options: Optional[Mapping[str, Any]] = None,
    ranks: Optional[int] = None,
    mpirun: Optional[Launcher] = None,
    program: Optional[PathLike] = None,
    verbose: bool = False,
) -> Result:
    """Restores a frame by total variation, which keeps edges sharp.

    The result minimises 1/2 ||W^(1/2) (H x - y)||^2 + lam TV(x) (job tv, by alternating directions).

    Args:
        lam: a number, or a rule: "discrepancy" or "sure".
        lower, upper: bounds of the pixels, in the unit of y; None = none.

    The other arguments are those of restore.

    Returns:
        solution is float64 and has the shape and unit of y.

    Raises:
        TesseraError: the program ended with an error.
    """
    keys: dict[str, Any] = {"job": "tv", "tv.method": "admm", "tv.lambda": lam}
    for name, bound in (("tv.lower", lower), ("tv.upper", upper)):
        if bound is not None:
            keys[name] = float(bound)
    return _frame(keys, y, psf, weights, sigma, mask, channel_axis, Launch(options, ranks, mpirun, program, verbose))


def tppa(
    y: ArrayLike,
    psf: Optional[ArrayLike],
    model: PathLike,
    *,
    weights: Optional[ArrayLike] = None,
    sigma: Optional[ArrayLike] = None,
    mask: Optional[ArrayLike] = None,
    channel_axis: Optional[int] = None,
    options: Optional[Mapping[str, Any]] = None,
    ranks: Optional[int] = None,
    mpirun: Optional[Launcher] = None,
    program: Optional[PathLike] = None,
    verbose: bool = False,
) -> Result:
    """Restores a frame as a model has learned it, and by total variation beside (job tppa).

    Args:
        model: path of the model.npz of a job tppa-train.

    The other arguments are those of restore.

    Returns:
        solution and arrays["tv"], the restoration by total variation, are float64 and have
        the shape and unit of y. metrics["model"]["strange"] says whether the frame is unlike
        the pictures that the model was learned from.

    Raises:
        TesseraError: the program ended with an error.
    """
    keys = {"job": "tppa", "tppa.model": model}
    return _frame(keys, y, psf, weights, sigma, mask, channel_axis, Launch(options, ranks, mpirun, program, verbose))


def _frame(
    keys: Mapping[str, Any],
    y: Any,
    psf: Any,
    weights: Any,
    sigma: Any,
    mask: Any,
    channel_axis: Optional[int],
    how: Launch,
) -> Result:
    """Runs a job of frames."""
    if weights is not None and sigma is not None:
        raise ValueError("weights and sigma both say how large the noise is: give one")
    frame = real("y", y, (2, 3))
    layout = layout_of(frame.shape, channel_axis)
    inputs = {"image.path": layout.planes(frame)}
    for key, given, check in (("weights", weights, real), ("sigma", sigma, real), ("mask", mask, observed)):
        if given is not None:
            inputs["image." + key] = layout.beside(key, check(key, given, (2, 3)))
    blur = {"blur.kind": "none"} if psf is None else {"blur.kind": "file"}
    if psf is not None:
        inputs["blur.path"] = real("psf", psf, (2,))
    result = run({**keys, **blur, "output.pictures": False}, inputs, how)
    return replace(result, arrays={name: layout.restored(a) for name, a in result.arrays.items()})


@dataclass(frozen=True)
class Layout:
    """Which axis of a frame is which."""

    shape: tuple[int, ...]  # of the frame as it was given
    axis: Optional[int]  # of its channels, 0 or 2; None = (rows, cols)

    def planes(self, a: np.ndarray) -> np.ndarray:
        """Returns a frame as (channels, rows, cols), or (rows, cols) of one channel."""
        if self.axis is None:
            return a
        a = np.ascontiguousarray(np.moveaxis(a, self.axis, 0))
        return a[0] if a.shape[0] == 1 else a

    def beside(self, name: str, a: np.ndarray) -> np.ndarray:
        """Returns a plane of weights or the like, of one channel or as many as the frame."""
        if a.shape == self.shape:
            return self.planes(a)
        plane = tuple(n for i, n in enumerate(self.shape) if i != self.axis)
        if a.shape != plane:
            wanted = f"{self.shape}" if plane == self.shape else f"{self.shape} or {plane}"
            raise ValueError(f"{name} has the shape {a.shape}: want {wanted}, as y has {self.shape}")
        return a

    def restored(self, a: np.ndarray) -> np.ndarray:
        """Returns an array of the result in the layout of the frame, if it is one of frames."""
        if self.axis is None or a.size != np.prod(self.shape):
            return a
        channels = self.shape[self.axis]
        plane = [n for i, n in enumerate(self.shape) if i != self.axis]
        return np.ascontiguousarray(np.moveaxis(a.reshape(channels, *plane), 0, self.axis))


def layout_of(shape: tuple[int, ...], channel_axis: Optional[int]) -> Layout:
    """Finds the axis of the channels.

    Raises:
        ValueError: the shape leaves it open, or the program would take another one.
    """
    if len(shape) == 2:
        if channel_axis is not None:
            raise ValueError(f"channel_axis = {channel_axis}, and y has the shape {shape}: want three axes")
        return Layout(shape, None)
    if channel_axis is None:
        if shape[2] in (1, 3) and shape[0] not in (1, 3):
            axis = 2
        elif shape[2] > 4:
            axis = 0
        else:
            raise ValueError(f"y has the shape {shape}: are the channels first or last? Give channel_axis=0 or -1")
    elif channel_axis in (0, 2, -1):
        axis = channel_axis % 3
    else:
        raise ValueError(f"channel_axis = {channel_axis}: want 0 or -1")
    channels = shape[axis]
    cols = shape[1] if axis == 2 else shape[2]
    # An npy file of several channels and so few columns is a picture of colours to the program.
    if channels > 1 and (cols == 1 or cols in (3, 4) and channels != 3):
        raise ValueError(f"y has {channels} channels and {cols} columns: restore its channels one by one")
    return Layout(shape, axis)
