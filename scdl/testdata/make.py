"""Makes the arrays of this folder: matched spectra of 25 and 9 numbers, and the two
dictionaries of 16 atoms and the errors that 20 iterations of the programs learn from them
which scdl.Sequential and scdl.Spark repeat. Written from the formulas, on whole matrices
with inverses of 16 x 16; it shares no code with Tessera or these programs.

    python3 make.py        (numpy 1.20 or later)
"""

import numpy as np

SAMPLES, HIGH, LOW, ATOMS, ITERATIONS = 80, 25, 9, 16, 20
LAMBDA, C1, C2, C3, BETA, DELTA = 0.1, 0.4, 0.4, 0.8, 0.01, 1e-4


def spectra():
    """Three bumps and noise a sample; the low sample is every third number."""
    r = np.random.default_rng(3)
    at = np.arange(HIGH)
    high = np.zeros((HIGH, SAMPLES))
    for k in range(SAMPLES):
        for _ in range(3):
            centre, width, height = 25 * r.random(), 2 + 4 * r.random(), r.random() / 2
            high[:, k] += height * np.exp(-((at - centre) / width) ** 2 / 2)
    low = high[::3] + 0.001 * r.standard_normal((LOW, SAMPLES))
    high = high + 0.001 * r.standard_normal(high.shape)
    return high.astype(np.float32).astype(float), low.astype(np.float32).astype(float)


def soft(x, by):
    return np.sign(x) * np.maximum(np.abs(x) - by, 0)


def root_mean_square(x):
    return np.sqrt(np.mean(x**2))


def learn(sh, sl, spark):
    dh, dl = sh[:, :ATOMS].copy(), sl[:, :ATOMS].copy()
    wh, wl, p, q, y1, y2, y3 = np.zeros((7, ATOMS, SAMPLES))
    one = np.eye(ATOMS)
    errors = []
    for _ in range(ITERATIONS):
        old = wh
        wh = np.linalg.inv(dh.T @ dh + (C1 + C3) * one) @ (dh.T @ sh + y1 - y3 + C1 * p + C3 * wl)
        # The sign of y3 is that of the programs.
        wl = np.linalg.inv(dl.T @ dl + (C2 + C3) * one) @ (dl.T @ sl + y2 - y3 + C2 * q + C3 * (old if spark else wh))
        p = soft(wh - y1 / C1, LAMBDA / 2)
        q = soft(wl - y2 / C2, LAMBDA / 2)
        y1 = y1 + BETA * C1 * (p - wh)
        y2 = y2 + BETA * C1 * (q - wl)
        y3 = y3 + BETA * C3 * (wh - wl)
        dh = dh + sh @ wh.T / (np.sum(wh**2, axis=1) + DELTA)
        dl = dl + sl @ wl.T / (np.sum(wl**2, axis=1) + DELTA)
        dh, dl = dh / np.linalg.norm(dh, axis=0), dl / np.linalg.norm(dl, axis=0)
        errors.append((root_mean_square(sh - dh @ wh), root_mean_square(sl - dl @ wl)))
    return np.concatenate([dh.T.ravel(), dl.T.ravel(), np.array(errors).T.ravel()])


def main():
    high, low = spectra()
    np.save("high.npy", high.astype(np.float32))
    np.save("low.npy", low.astype(np.float32))
    np.save("sequential.npy", learn(high, low, False))
    np.save("spark.npy", learn(high, low, True))


main()
