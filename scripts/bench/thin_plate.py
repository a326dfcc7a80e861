#!/usr/bin/env python3
"""Fits 3,000 made-up temperatures with SciPy's thin-plate splines and with `tessera fit`, both by
their defaults but for the spline's smoothing, which a third of the observations chooses.

    python3 scripts/bench/thin_plate.py [bin/tessera]

needs numpy and scipy, and prints the rms error at 4,000 other places and the processor time of
each. The places are spread evenly or, in the last row, half of them in clusters; length is the
scale of the temperatures in degrees, of a region of 30 x 25.
"""
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy.interpolate import RBFInterpolator

program = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "bin/tessera")


def temperature(x, y, length):
    rng, v = np.random.default_rng(7), 25 - 0.6 * (y - 35) + 0.05 * x
    for _ in range(60):
        k, phase = rng.normal(0, 1 / length, 2), rng.uniform(0, 2 * np.pi)
        v = v + 1.5 * np.sqrt(2 / 60) * np.cos(k[0] * x + k[1] * y + phase)
    return v


def places(rng, n, clustered):
    p = np.c_[rng.uniform(0, 30, n), rng.uniform(35, 60, n)]
    if clustered:
        centres = np.c_[rng.uniform(0, 30, 15), rng.uniform(35, 60, 15)]
        half = centres[rng.integers(0, 15, n // 2)] + rng.normal(0, 1.2, (n // 2, 2))
        p[: n // 2] = np.clip(half, [0, 35], [30, 60])
    return p


def spline(p, t, at):
    start, held = time.process_time(), np.arange(len(t)) % 3 == 0
    errors = {}
    for s in [1e-3, 1e-2, 1e-1, 1, 10, 100, 1000]:
        f = RBFInterpolator(p[~held], t[~held], kernel="thin_plate_spline", smoothing=s)
        errors[s] = np.mean((f(p[held]) - t[held]) ** 2)
    f = RBFInterpolator(p, t, kernel="thin_plate_spline", smoothing=min(errors, key=errors.get))
    return f(at), time.process_time() - start


def tessera(p, t, at, folder):
    table, where, out = (os.path.join(folder, name) for name in ("table.csv", "places.csv", "out"))
    np.savetxt(table, np.c_[p, t], delimiter=",", header="u,v,temperature", comments="")
    np.savetxt(where, at, delimiter=",", header="u,v", comments="")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, "fit", table, "-places", where, "-out", out, "-ranks", "2", "-quiet"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    fit = np.load(os.path.join(out, "solution.npy"))
    return fit, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


print("length  places     spline: rms  seconds   tessera fit: rms  seconds   rms ratio  time ratio")
for length, clustered in ((6, False), (2, False), (6, True)):
    rng = np.random.default_rng(1)
    p, at = places(rng, 3000, clustered), places(rng, 4000, False)
    t = temperature(p[:, 0], p[:, 1], length) + rng.normal(0, 0.5, len(p))
    truth = temperature(at[:, 0], at[:, 1], length)
    with tempfile.TemporaryDirectory() as folder:
        rows = [spline(p, t, at), tessera(p, t, at, folder)]
    (a, b), (c, d) = [(np.sqrt(np.mean((f - truth) ** 2)), seconds) for f, seconds in rows]
    print(f"{length:6}  {'clustered' if clustered else 'even':9}  {a:11.4f}  {b:7.2f}   {c:16.4f}  {d:7.2f}   {c / a:9.2f}  {d / b:10.2f}")
