"""Arrays of every layout and type go in and come back as they were given."""

import numpy as np
import pytest

import tessera
from tessera.config import to_toml
from tessera.frames import layout_of
from tessera.result import real

FIXED = {"lam": 0.1, "ranks": 1, "options": {"tikhonov.tolerance": 1e-10}}


@pytest.fixture(scope="module")
def planes(frame):
    """Three channels of unlike brightness, (3, rows, cols)."""
    return np.array([frame, 2 * frame[::-1], frame + 1])


@pytest.mark.parametrize(
    "shape, axis, want",
    [
        ((20, 26), None, None),
        ((20, 26, 3), None, 2),
        ((20, 26, 1), None, 2),
        ((3, 20, 26), None, 0),
        ((1, 20, 26), None, 0),
        ((7, 20, 26), None, 0),
        ((20, 26, 2), -1, 2),
        ((20, 26, 4), -1, 2),
        ((20, 26, 7), 2, 2),
        ((3, 20, 3), 0, 0),
        ((3, 26, 3), -1, 2),
    ],
)
def test_layout(shape, axis, want):
    assert layout_of(shape, axis).axis == want


@pytest.mark.parametrize(
    "shape, axis, words",
    [
        ((3, 20, 3), None, "channel_axis=0 or -1"),
        ((20, 26, 4), None, "channel_axis=0 or -1"),
        ((20, 26), 0, "want three axes"),
        ((20, 26, 3), 1, "want 0 or -1"),
        ((7, 20, 3), 0, "one by one"),
        ((7, 20, 1), 0, "one by one"),
    ],
)
def test_open_layout(shape, axis, words):
    with pytest.raises(ValueError, match=words):
        layout_of(shape, axis)


@pytest.mark.parametrize(
    "function, tight", [(tessera.restore, {"tikhonov.tolerance": 1e-10}), (tessera.tv, {"tv.tolerance": 1e-6})]
)
def test_channels_both_ways(planes, psf, folder, function, tight):
    """Channels first and last give the same planes, and each is what it is when it is restored alone."""
    same = {"lam": 0.1, "ranks": 1, "options": tight}
    first = function(planes, psf, **same).solution
    last = function(np.moveaxis(planes, 0, 2), psf, **same).solution
    assert first.shape == planes.shape and last.shape == (20, 26, 3)
    np.testing.assert_array_equal(np.moveaxis(last, 2, 0), first)
    alone = function(planes[1], psf, **same).solution
    np.testing.assert_allclose(first[1], alone, atol=2e-3)
    for shape in ((1, 20, 26), (20, 26, 1)):
        one = function(planes[1].reshape(shape), psf, **same).solution
        np.testing.assert_array_equal(one, alone.reshape(shape))


def test_two_channels_last(planes, psf, folder):
    two = np.moveaxis(planes[:2], 0, 2)
    solution = tessera.restore(two, psf, channel_axis=-1, **FIXED).solution
    np.testing.assert_allclose(solution[..., 1], tessera.restore(planes[1], psf, **FIXED).solution, atol=1e-6)


@pytest.mark.parametrize("dtype", ("f4", ">f8", ">f4", "f2", "i2", "u1", "?"))
def test_types(frame, psf, folder, dtype):
    """The values count, not the type: what float64 gives of the same values."""
    y = np.clip(np.round(frame * 20), 0, 200).astype(dtype)
    np.testing.assert_array_equal(
        tessera.restore(y, psf.astype("f4"), **FIXED).solution,
        tessera.restore(y.astype("f8"), psf.astype("f4"), **FIXED).solution,
    )


@pytest.mark.parametrize(
    "view",
    [
        lambda a: np.asfortranarray(a),
        lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
        lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
        lambda a: a.T.copy().T,
        lambda a: a.tolist(),
    ],
)
def test_memory_layout(frame, psf, folder, view):
    want = tessera.restore(frame, psf, **FIXED).solution
    np.testing.assert_array_equal(tessera.restore(view(frame), view(psf), **FIXED).solution, want)


def test_missing(frame, psf, folder):
    """NaN, a mask, a masked array, weights 0 and sigma 0 are the same holes."""
    hole = np.zeros(frame.shape, bool)
    hole[4:7, 5:9] = True
    holed = np.where(hole, np.nan, frame)
    before = holed.copy()
    want = tessera.restore(holed, psf, **FIXED)
    assert want.metrics["missing_pixels"] == 12
    assert np.isfinite(want.solution).all()
    np.testing.assert_array_equal(holed, before)
    half = np.where(hole, np.nan, 1.0)
    for y, more in (
        (frame, {"mask": ~hole}),
        (frame, {"mask": half}),
        (np.ma.array(frame, mask=hole), {}),
        (np.ma.array(np.round(frame).astype(int), mask=hole), {}),
        (frame, {"weights": (~hole).astype(float)}),
        (frame, {"sigma": (~hole).astype("f4")}),
    ):
        result = tessera.restore(y, psf, **more, **FIXED)
        assert result.metrics["missing_pixels"] == 12, more
        if y.dtype.kind == "f":
            np.testing.assert_array_equal(result.solution, want.solution)


def test_mask_of_the_other_sense(frame, psf, folder):
    """A mask that marks bad pixels with 1 is refused in the words of the program, without the temporary folder."""
    bad = np.zeros(frame.shape, bool)
    bad[3, 4] = True
    with pytest.raises(tessera.TesseraError, match="mask_majority") as caught:
        tessera.restore(frame, psf, mask=bad, **FIXED)
    assert "image-mask.npy" in caught.value.message and str(folder) not in caught.value.message


def test_planes_beside_channels(planes, psf, folder):
    """Weights of one channel are those of all, and weights of the frame's shape have its layout."""
    last = np.moveaxis(planes, 0, 2)
    w = np.random.default_rng(3).uniform(0.5, 2, (20, 26))
    one = tessera.restore(last, psf, weights=w, **FIXED).solution
    all_of_them = tessera.restore(last, psf, weights=np.repeat(w[..., np.newaxis], 3, 2), **FIXED).solution
    np.testing.assert_allclose(one, all_of_them, atol=1e-6)
    with pytest.raises(ValueError, match=r"weights has the shape \(26, 20\): want \(20, 26, 3\) or \(20, 26\)"):
        tessera.restore(last, psf, weights=w.T)


def test_masked_stamps(stamps, psf, folder):
    hole = np.zeros(stamps.shape, bool)
    hole[2, 5:7, 5:7] = True
    quick = {"sigma": 0.05, "ranks": 1, "options": {"psf.iterations": 5}}
    want = tessera.deconvolve_stamps(np.where(hole, np.nan, stamps), psf, **quick).solution
    for y, more in ((stamps, {"mask": ~hole}), (np.ma.array(stamps, mask=hole), {})):
        np.testing.assert_array_equal(tessera.deconvolve_stamps(y, psf, **more, **quick).solution, want)
    assert (want != tessera.deconvolve_stamps(stamps, psf, **quick).solution).any()


@pytest.mark.parametrize(
    "work, error, words",
    [
        (lambda y: tessera.restore(y + 1j, None), TypeError, "y has elements of type complex128"),
        (lambda y: tessera.restore(["a"], None), TypeError, "y has elements"),
        (lambda y: tessera.restore(y[0], None), ValueError, "want 2 or 3 axes"),
        (lambda y: tessera.restore(y, y[0]), ValueError, "psf has the shape"),
        (lambda y: tessera.restore(y, None, weights=y, sigma=y), ValueError, "give one"),
        (lambda y: tessera.tv(y, None, mask=y[:3]), ValueError, "mask has the shape"),
        (lambda y: tessera.deconvolve_stamps(y, y), ValueError, "want 3 axes"),
        (lambda y: tessera.deconvolve_stamps(y[None], y, mask=y[None, 1:]), ValueError, "that of stamps"),
        (lambda y: tessera.fit(y, y[:, 0]), ValueError, "one to three coordinates"),
        (lambda y: tessera.fit(y[0], y[0, 1:]), ValueError, r"want \(26,\)"),
        (lambda y: tessera.fit(y[0], y[0], y[0, 1:]), ValueError, "sigma has the shape"),
        (lambda y: tessera.train_dictionaries(y[0], y), ValueError, "high has the shape"),
        (lambda y: tessera.restore(y, None, options={"a.b.c": 1}), ValueError, "want section.key"),
        (lambda y: tessera.restore(y, None, options={"tikhonov.lambda": {}}), TypeError, "is a dict"),
        (lambda y: tessera.restore(y, None, ranks=1, mpirun=2), ValueError, "give one"),
        (lambda y: tessera.restore(y, None, ranks=0), ValueError, "want 1 or more"),
    ],
)
def test_wrong_arguments(frame, folder, work, error, words):
    with pytest.raises(error, match=words):
        work(frame)


def test_toml():
    keys = {"job": "tv", "a.b": True, "a.c": [1, 2.5], "d.e": 'quote " back \\ line\n', "a.f": np.float32(0.5), "a.g": np.int64(3)}
    keys.update({"a.h": np.array(2.0), "a.i": np.array([1, 2]), "a.j": float("-inf"), "a.k": float("nan")})
    assert to_toml(keys) == (
        'job = "tv"\n\n[a]\nb = true\nc = [1, 2.5]\nf = 0.5\ng = 3\nh = 2.0\ni = [1, 2]\nj = -inf\nk = nan\n\n[d]\ne = "quote \\" back \\\\ line\\n"\n'
    )


def test_input_is_not_changed():
    y = np.ma.array(np.ones((2, 2)), mask=[[True, False], [False, False]])
    assert np.isnan(real("y", y, (2,))[0, 0]) and y.data[0, 0] == 1


def test_noise_of_a_mass_map(shear, folder):
    """The noise of a pixel is the same from one number, from a map of it, and from counts."""
    e1, e2 = shear
    ones = np.ones(e1.shape)
    want = tessera.mass_map(e1, e2, pixel=2, sigma=0.1, ranks=1).solution
    for given in ({"sigma": 0.1 * ones}, {"sigma": 0.2, "counts": 4 * ones}, {"sigma": 0.1, "mask": ones > 0}):
        np.testing.assert_allclose(tessera.mass_map(e1, e2, pixel=2, ranks=1, **given).solution, want, atol=1e-5 * np.ptp(want))
    hole = np.ma.masked_array(e1, np.arange(e1.size).reshape(e1.shape) == 50)
    got = tessera.mass_map(hole, e2, pixel=2, sigma=0.1, spectrum=[[100, 1000, 5000], [1e-8, 1e-9, 1e-10]], ranks=1)
    mask = np.ones(e1.shape)
    mask.flat[50] = 0
    same = tessera.mass_map(e1, e2, pixel=2, sigma=0.1, mask=mask, spectrum=[[100, 1000, 5000], [1e-8, 1e-9, 1e-10]], ranks=1)
    np.testing.assert_array_equal(got.solution, same.solution)
    assert set(got.arrays) == {"solution", "ks_e", "ks_b", "spread", "snr"}


@pytest.mark.parametrize(
    "given, words",
    [
        ({"sigma": np.ones((24, 20)), "counts": np.ones((24, 20))}, "counts and a map of sigma"),
        ({"sigma": np.ones((20, 24))}, r"sigma has the shape \(20, 24\): want \(24, 20\)"),
        ({"sigma": 0.1, "mask": np.ones((2, 2))}, "mask has the shape"),
        ({"sigma": 0.1, "counts": np.ones(3)}, "counts has the shape"),
        ({"sigma": 0.1, "spectrum": np.ones((3, 2))}, "spectrum has the shape"),
    ],
)
def test_arguments_of_a_mass_map(shear, folder, given, words):
    with pytest.raises(ValueError, match=words):
        tessera.mass_map(*shear, pixel=2, **given)
