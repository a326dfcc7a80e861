"""Makes the arrays of this folder: three stamps, their PSFs, and what five iterations
of sf_deconvolve 5.0 make of them. Written from the formulas, with loops over pixels and a
full singular value decomposition; it shares no code with Tessera or sf_deconvolve.

    python3 make.py        (numpy 1.20 or later)
"""

import numpy as np

SIDE, PSF, COUNT = 21, 9, 3
STEP, RHO = 0.5, 0.8  # tau = sigma = STEP


def gaussian(side, row, col, major, minor, angle):
    """An elliptical Gaussian; widths in pixels."""
    r, c = np.mgrid[:side, :side].astype(float)
    a, b = r - row, c - col
    u = a * np.cos(angle) + b * np.sin(angle)
    v = b * np.cos(angle) - a * np.sin(angle)
    return np.exp(-((u / major) ** 2 + (v / minor) ** 2) / 2)


def convolve(x, h, transpose=False):
    """y[i] = sum over k of h[k] x[i - k], k from the centre of h, zeros beyond x."""
    if transpose:
        h = h[::-1, ::-1]
    n, half = x.shape[0], h.shape[0] // 2
    padded = np.pad(x, half)
    y = np.zeros_like(x)
    for a in range(h.shape[0]):
        for b in range(h.shape[1]):
            y += h[a, b] * padded[2 * half - a:2 * half - a + n, 2 * half - b:2 * half - b + n]
    return y


def band_filters(scales=3):
    """Filters of the bands of the starlet with [1 2 1]/4, finest first, without the
    coarsest: differences of repeated convolutions with the dilated filter."""
    side = 2 * (2**scales - 1) + 1
    smooth = np.zeros((side, side))
    smooth[side // 2, side // 2] = 1
    bands = []
    for s in range(scales):
        line = np.zeros(2 * 2**s + 1)
        line[0], line[2**s], line[-1] = 0.25, 0.5, 0.25
        further = convolve(smooth, np.outer(line, line))
        bands.append(smooth - further)
        smooth = further
    return bands


def deconvolve(y, h, low_rank, reweightings):
    n, pixels = len(y), y[0].size
    filters = band_filters()
    forward = lambda x: np.array([convolve(x, f) for f in filters])
    adjoint = lambda u: sum(convolve(u[j], f, True) for j, f in enumerate(filters))
    median = np.median(y)
    noise = 1.4826 * np.median(np.abs(y - median))

    # The largest |H_i|^2 by the power method on the stack.
    z, norm = np.random.default_rng(1).random(y.shape), 0.0
    for _ in range(20):
        z = np.array([convolve(convolve(a, k), k, True) for a, k in zip(z, h)])
        before, norm = norm, np.linalg.norm(z)
        z /= norm
        if abs(norm - before) < 1e-6:
            break
    lam = noise * np.sqrt(max(n + 1, pixels)) * norm

    # Thresholds of the bands: sf_deconvolve takes those of stamp n-1-i for stamp i.
    factor = [3, 3, 4]
    limits = np.array([[factor[j] * noise * np.linalg.norm(convolve(k, f)) * np.ones((SIDE, SIDE))
                        for j, f in enumerate(filters)] for k in h[::-1]])
    first = limits.copy()

    x = np.ones_like(y)
    u = np.ones_like(y if low_rank else limits)
    for turn in range(1 + reweightings):
        for _ in range(5):
            bar, new = [], []
            for i in range(n):
                g = convolve(convolve(x[i], h[i]) - y[i], h[i], True)
                p = np.maximum(0, x[i] - STEP * (g + (u[i] if low_rank else adjoint(u[i]))))
                bar.append(2 * p - x[i])
                new.append(x[i] + RHO * (p - x[i]))
            x = np.array(new)
            if low_rank:
                v = u + STEP * np.array(bar)
                left, s, right = np.linalg.svd(v.reshape(n, -1), full_matrices=False)
                s = np.where(s > lam, s, 0)  # the hard threshold
                q = v - (left * s @ right).reshape(v.shape)
            else:
                v = u + STEP * np.array([forward(b) for b in bar])
                q = np.clip(v, -limits, limits)
            u = u + RHO * (q - u)
        if not low_rank:
            limits = limits / (1 + np.abs(np.array([forward(a) for a in x])) / first)
    return x


def main():
    h = np.array([gaussian(PSF, 4, 4, 1.6 + 0.2 * i, 1.2, 0.5 * i) for i in range(COUNT)])
    h = (h / h.sum(axis=(1, 2), keepdims=True)).astype(np.float32).astype(float)
    truth = np.array([10 * gaussian(SIDE, 10 + 0.3 * i, 10 - 0.4 * i, 2.5, 1.5 + 0.3 * i, i) for i in range(COUNT)])
    y = np.array([convolve(t, k) for t, k in zip(truth, h)])
    y = (y + 0.21 * np.random.default_rng(7).standard_normal(y.shape)).astype(np.float32).astype(float)
    np.save("observed.npy", y.astype(np.float32))
    np.save("psfs.npy", h.astype(np.float32))
    np.save("sparse-5+5.npy", deconvolve(y, h, False, 1))
    np.save("low-rank-5.npy", deconvolve(y, h, True, 0))


main()
