"""Imaging inverse problems with the program tessera: arrays in, arrays out.

The functions write their arrays as npy files into a private temporary folder, run the
program on them, and return its result as arrays with the numbers of the run:

>>> result = tessera.restore(y, psf)            # doctest: +SKIP
>>> result.solution, result.metrics["lambda"]   # doctest: +SKIP

The pages in docs/jobs explain the jobs, their keys and their numbers.
"""

from .dictionaries import Dictionaries, train_dictionaries
from .frames import restore, tppa, tv
from .massmaps import mass_map
from .program import TesseraError, TesseraWarning, find_program
from .result import Result
from .scattered import Fit, fit
from .stamps import deconvolve_stamps

__all__ = [
    "Dictionaries",
    "Fit",
    "Result",
    "TesseraError",
    "TesseraWarning",
    "deconvolve_stamps",
    "find_program",
    "fit",
    "mass_map",
    "restore",
    "tppa",
    "train_dictionaries",
    "tv",
]
