#!/usr/bin/env python3
"""What NumPy, SciPy and scikit-image take for two problems of total variation. The peer of
`go test -tags native ./tv -run xxx -bench Peer`, which starts it:

    scripts/bench/tv_peers.py deblur|denoise FILE LAMBDA BOUND TOLERANCE SECONDS

FILE is the observation y, an npy array of rows x cols. With TV of the forward differences,

    deblur    1/2 ||H x - y||^2 + LAMBDA TV(x), anisotropic, H a Gaussian of variance 2 in 9 x 9
              pixels with mirrors at the border: FISTA, whose proximal map is found by thirty
              accelerated projected gradient steps that begin at the multipliers of the last one
    denoise   1/2 ||x - y||^2 + LAMBDA TV(x), isotropic: skimage.restoration.denoise_tv_chambolle

Each stops as soon as its cost is at most BOUND (1 + TOLERANCE), BOUND being a lower bound of
the minimum that is given to it, so that it takes no time to find one, or after so many SECONDS of the
processor. It prints iterations, cost and seconds of the processor; the cost is computed outside of the
measured time.
It ends with status 77 where a package is missing.
"""
import sys
import time

try:
    import numpy as np
    from scipy.fft import dctn, idctn
except ImportError as e:
    print(e)
    sys.exit(77)

kind, path = sys.argv[1:3]
lam, bound, tol, limit = map(float, sys.argv[3:7])
y = np.load(path)
most = {"deblur": 400, "denoise": 4000}[kind]  # iterations; where they do not suffice, the seconds are a lower limit


def differences(x):
    return np.diff(x, axis=0), np.diff(x, axis=1)


def adjoint(p, q, shape):
    d = np.zeros(shape)
    d[1:] += p
    d[:-1] -= p
    d[:, 1:] += q
    d[:, :-1] -= q
    return d


def deblur():
    r = 4
    a = np.arange(-r, r + 1)
    g = np.exp(-a * a / 4.0)
    g /= g.sum()
    symbols = [np.cos(np.pi * np.outer(np.arange(n), a) / n) @ g for n in y.shape]
    h = np.outer(*symbols)
    to = lambda x: dctn(x, norm="ortho")
    back = lambda x: idctn(x, norm="ortho")

    def cost(x):
        p, q = differences(x)
        return ((back(h * to(x)) - y) ** 2).sum() / 2 + lam * (abs(p).sum() + abs(q).sum())

    start = time.process_time()
    spent = 0.0
    hy = h * to(y)
    x = s = y.copy()
    p, q = (0 * d for d in differences(y))
    t = 1.0
    for i in range(1, most + 1):
        z = s - back(h * h * to(s) - hy)
        # min over u of 1/2 ||u - z||^2 + lam TV(u), u = z - D'(p, q), ||D||^2 <= 8
        rp, rq, inner = p, q, 1.0
        for _ in range(30):
            dp, dq = differences(z - adjoint(rp, rq, y.shape))
            np_, nq = np.clip(rp + dp / 8, -lam, lam), np.clip(rq + dq / 8, -lam, lam)
            following = (1 + np.sqrt(1 + 4 * inner * inner)) / 2
            rp, rq = np_ + (inner - 1) / following * (np_ - p), nq + (inner - 1) / following * (nq - q)
            p, q, inner = np_, nq, following
        new = z - adjoint(p, q, y.shape)
        following = (1 + np.sqrt(1 + 4 * t * t)) / 2
        s = new + (t - 1) / following * (new - x)
        x, t = new, following
        if i % 10 == 0:
            pause = time.process_time()
            c = cost(x)
            spent += time.process_time() - pause
            if c <= bound * (1 + tol) or time.process_time() - start - spent > limit:
                break
    return i, c, time.process_time() - start - spent


def denoise():
    try:
        from skimage.restoration import denoise_tv_chambolle
    except ImportError as e:
        print(e)
        sys.exit(77)

    def run(n):
        start = time.process_time()
        x = denoise_tv_chambolle(y, weight=lam, eps=0, max_num_iter=n)
        seconds = time.process_time() - start
        g = np.zeros((2,) + y.shape)
        g[0, :-1], g[1, :, :-1] = differences(x)
        return ((x - y) ** 2).sum() / 2 + lam * np.sqrt((g**2).sum(axis=0)).sum(), seconds

    n = 100
    while True:
        c, seconds = run(n)
        if c <= bound * (1 + tol) or n >= most or seconds > limit:
            return n, c, seconds
        n = n * 3 // 2


print("%d %.15g %.6f" % {"deblur": deblur, "denoise": denoise}[kind]())
