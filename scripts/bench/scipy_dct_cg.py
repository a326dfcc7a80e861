#!/usr/bin/env python3
"""Ten lines of SciPy that restore a frame: conjugate gradients preconditioned by the
frame-wide cosine transform. The peer of `go test -tags native ./tikhonov/image -bench Spectral`.

    scripts/bench/scipy_dct_cg.py [SIDE] [PSF_SIDE] [WORKERS]

minimises ||S (H w - y)||^2 + lambda ||Q w||^2 with a Moffat PSF of fwhm 4 pixels, beta 3,
Q = gradient, lambda 2e-3, reflecting borders, 1 % of the pixels missing, to a relative
error of 1e-8, and prints the seconds of set-up and solve, the best of three.
"""
import sys, time
import numpy as np
from scipy.fft import dctn, idctn

n = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
side = int(sys.argv[2]) if len(sys.argv) > 2 else 11
workers = int(sys.argv[3]) if len(sys.argv) > 3 else 2
lam, r = 2e-3, side // 2
a = np.arange(-r, r + 1)
alpha = 4 / (2 * np.sqrt(2 ** (1 / 3) - 1))
psf = (1 + (a[:, None] ** 2 + a[None, :] ** 2) / alpha**2) ** -3.0
psf /= psf.sum()
rng = np.random.default_rng(1)
y, s = rng.standard_normal((n, n)), rng.random((n, n)) >= 0.01


def restore():
    C = lambda x: dctn(x, norm="ortho", workers=workers)
    D = lambda x: idctn(x, norm="ortho", workers=workers)
    k = np.pi * np.arange(n) / n
    c = np.cos(np.outer(k, a))
    h = c @ psf @ c.T  # symbol of a symmetric PSF between mirrors
    q = (2 - 2 * np.cos(k))[:, None] + (2 - 2 * np.cos(k))[None, :]
    M = lambda x: D(h * C(s * D(h * C(x))) + lam * q * C(x))
    symbol = h * h * s.mean() + lam * q
    x = np.zeros((n, n))
    res = D(h * C(s * y))
    z = D(C(res) / symbol)
    p, rz, r0, its = z, (res * z).sum(), np.linalg.norm(z), 0
    while np.linalg.norm(z) > 1e-8 * r0:
        Mp = M(p)
        step = rz / (p * Mp).sum()
        x += step * p
        res -= step * Mp
        z = D(C(res) / symbol)
        rz, old = (res * z).sum(), rz
        p = z + rz / old * p
        its += 1
    return its


best = 1e9
for _ in range(3):
    start = time.perf_counter()
    its = restore()
    best = min(best, time.perf_counter() - start)
print(f"{n} x {n}, PSF {side} x {side}, {workers} workers: {its} iterations, {best:.3f} s")
