"""Restores a simulated frame with missing pixels and prints what was gained.

    PYTHONPATH=python python3 python/examples/restore.py
    PYTHONPATH=python python3 python/examples/restore.py out/restored.npy    # also keeps the frame

It takes about a second.
"""

import sys

import numpy as np

import tessera

# 1. A true frame: round blobs of different sizes on a dark sky, in counts.
rng = np.random.default_rng(1)
rows, cols = np.mgrid[:64, :80]
truth = np.zeros(rows.shape)
for _ in range(25):
    row, col = rng.uniform(0, 64), rng.uniform(0, 80)
    width, peak = rng.uniform(1, 3), rng.uniform(100, 1000)
    truth += peak * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * width**2))

# 2. What a camera sees of it: blur by a Gaussian PSF, noise, a dead column, a cosmic ray.
offsets = np.arange(-6, 7)
profile = np.exp(-(offsets**2) / (2 * 1.5**2))
psf = np.outer(profile, profile) / profile.sum() ** 2
padded = np.pad(truth, 6, mode="symmetric")
blurred = sum(
    psf[i + 6, j + 6] * padded[6 - i : 70 - i, 6 - j : 86 - j] for i in offsets for j in offsets
)
noise = 5.0  # standard deviation, counts
seen = blurred + rng.normal(0, noise, truth.shape)
seen[:, 30] = np.nan
seen[40:43, 50:53] = np.nan

# 3. Restore it. Weights that are 1/variance let the program judge the noise.
result = tessera.restore(seen, psf, weights=np.full(seen.shape, noise**-2), lam="auto")


def rms(difference: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(difference**2)))


print(f"lambda {result.metrics['lambda']:.3g}, by the rule {result.metrics['lambda_rule']}")
print(f"rms error of the observed pixels   {rms(seen - truth):6.2f} counts")
print(f"rms error of all restored pixels   {rms(result.solution - truth):6.2f} counts")

if len(sys.argv) > 1:
    np.save(sys.argv[1], result.solution)
