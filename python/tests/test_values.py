"""Every function gives the values of the command line run by hand on the same arrays."""

import inspect

import numpy as np
import pytest

import tessera

# What each function is called with; the names are fixtures.
CALLS = {
    "restore": ("frame", "psf"),
    "tv": ("frame", "psf"),
    "tppa": ("frame", "psf", "model"),
    "deconvolve_stamps": ("stamps", "psf"),
    "fit": ("observations",),
    "mass_map": ("shear",),
    "train_dictionaries": ("samples",),
}
# Keywords beside.
MORE = {
    "deconvolve_stamps": {"options": {"psf.iterations": 20}},
    "mass_map": {"pixel": 2, "sigma": 0.1},
    "train_dictionaries": {"atoms": 10, "options": {"scdl.iterations": 3}},
}
COMMON = ("options", "ranks", "mpirun", "program", "verbose")


def arguments(request, name):
    given = [request.getfixturevalue(f) for f in CALLS[name]]
    return given if len(CALLS[name]) > 1 else given[0]


def functions():
    found = [n for n in tessera.__all__ if inspect.isfunction(getattr(tessera, n)) and n != "find_program"]
    assert sorted(found) == sorted(CALLS), "a function without a line in CALLS"
    return found


def by_hand(hand, tmp_path, name, given):
    """Runs the command line and returns its answer."""
    out = tmp_path / "byhand"
    for i, a in enumerate(given):
        if isinstance(a, np.ndarray):
            np.save(tmp_path / f"{i}.npy", a)
    first, second = tmp_path / "0.npy", tmp_path / "1.npy"
    if name in ("restore", "tv"):
        hand(name, first, "-psf", second, "-out", out, "-quiet", "-ranks", 1)
    elif name == "deconvolve_stamps":
        np.save(second, given[1][np.newaxis])
        hand("stamps", first, "-psf", second, "-out", out, "-quiet", "-ranks", 1, "-set", "psf.iterations=20")
    elif name == "fit":
        np.save(first, np.column_stack(given))
        np.save(second, given[0])
        hand("fit", first, "-places", second, "-out", out, "-quiet", "-ranks", 1, "-set", "observations.dim=2")
        return np.load(out / "solution.npy")
    else:
        config = tmp_path / "byhand.toml"
        if name == "tppa":
            config.write_text(
                f'job = "tppa"\nimage.path = "{first}"\nblur.kind = "file"\nblur.path = "{second}"\n'
                f'tppa.model = "{given[2]}"\noutput.dir = "{out}"\n'
            )
        elif name == "mass_map":
            config.write_text(
                f'job = "darkmatter"\nshear.e1 = "{first}"\nshear.e2 = "{second}"\nshear.pixel = 2.0\n'
                f'shear.sigma = 0.1\noutput.pictures = false\noutput.dir = "{out}"\n'
            )
        else:
            config.write_text(
                f'job = "scdl-train"\ndata.high = "{first}"\ndata.low = "{second}"\ndata.samples = "rows"\n'
                f'scdl.atoms = 10\nscdl.iterations = 3\noutput.dir = "{out}"\n'
            )
        hand("run", config, "-quiet", "-ranks", 1)
        if name == "train_dictionaries":
            return np.load(out / "dictionary.npz")["high"]
    return np.load(out / "solution.npy")


def answer(result):
    """The array of a result that by_hand returns."""
    for kind, name in ((tessera.Fit, "fitted"), (tessera.Dictionaries, "high"), (tessera.Result, "solution")):
        if isinstance(result, kind):
            return getattr(result, name)


@pytest.mark.parametrize("name", functions())
def test_values(request, hand, tmp_path, folder, name):
    given = arguments(request, name)
    result = getattr(tessera, name)(*given, **MORE.get(name, {}), ranks=1)
    want = by_hand(hand, tmp_path, name, given)
    assert answer(result).shape == want.shape
    np.testing.assert_array_equal(answer(result), want)
    assert np.ptp(want) > 0
    assert isinstance(result.metrics["config"], dict) and result.metrics["ranks"] == 1


@pytest.mark.parametrize("name", functions())
def test_wrong_key(request, folder, name):
    """An error of the program has its words and its status, whichever function it is."""
    with pytest.raises(tessera.TesseraError, match="unknown key") as caught:
        getattr(tessera, name)(*arguments(request, name), **{**MORE.get(name, {}), "options": {"output.nonsense": 1}}, ranks=1)
    assert caught.value.status == 2
    assert "output.nonsense" in caught.value.message
    assert caught.value.result is None
    assert "(exit status 2)" in str(caught.value)


@pytest.mark.parametrize("name", functions())
def test_signature(name):
    """The common keywords are in every function, and every argument has a type and a comment."""
    function = getattr(tessera, name)
    parameters = inspect.signature(function).parameters
    assert tuple(parameters)[-len(COMMON) :] == COMMON
    documented = function.__doc__ if "of restore" not in function.__doc__ else function.__doc__ + tessera.restore.__doc__
    for parameter in parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name
        assert f"{parameter.name}:" in documented or f"{parameter.name}," in documented, parameter.name
        if parameter.name in COMMON:
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
    assert function.__annotations__["return"]


def test_options_reach_the_program(frame, psf, folder):
    result = tessera.restore(frame, psf, lam=0.5, options={"tikhonov.method": "cg", "tikhonov.lambda": 0.25}, ranks=1)
    assert (result.metrics["method"], result.metrics["lambda"]) == ("cg", 0.25)
    assert 'method = "cg"' in result.config


def test_error_map(frame, psf, folder):
    result = tessera.restore(frame, psf, lam=0.1, options={"output.errors": "noise", "output.error_samples": 4}, ranks=1)
    assert result.arrays["sigma"].shape == frame.shape


@pytest.mark.parametrize("dim", (1, 2))
@pytest.mark.parametrize("given", ({}, {"width": 0.7}, {"lam": 0.01}, {"width": 0.7, "lam": 0.01}))
def test_prediction_is_the_fit(observations, folder, dim, given):
    """At its own places a fit predicts what it has fitted, however width and lambda were found."""
    x, y, sigma = observations
    x = x[:, 0] if dim == 1 else x * (1, 30)
    quick = {"search.folds": 2, "kernel.choose": "none" if len(given) == 2 else "cross-validation"}
    if "width" not in given:
        quick["search.widths"] = [0.5, 1.0]
    if "lam" not in given:
        quick["search.lambdas"] = [1e-3, 1e-2]
    fitted = tessera.fit(x, y, sigma, **given, options=quick, ranks=1)
    values, variance = fitted.predict(x, variance=True)
    np.testing.assert_allclose(values, fitted.fitted, rtol=0, atol=1e-6)
    assert values.shape == variance.shape == (80,) and (variance > 0).all()
    for name, key in (("width", "width"), ("lam", "lambda")):
        if name in given:
            assert fitted.metrics[key] == given[name]


def test_prediction_without_spread(observations, folder):
    """Likewise where the search finds one width along all coordinates."""
    x, y, sigma = observations
    quick = {"kernel.choose": "cross-validation", "search.folds": 2, "search.widths": [0.5, 1.0], "search.lambdas": [1e-3, 1e-2], "kernel.spread": False}
    fitted = tessera.fit(x, y, sigma, options=quick, ranks=1)
    assert not fitted.metrics.get("axis_widths") and fitted.metrics["width"] in (0.5, 1.0)
    np.testing.assert_allclose(fitted.predict(x), fitted.fitted, rtol=0, atol=1e-6)


def test_one_sigma_for_all(observations, folder):
    x, y, sigma = observations
    one, all_of_them = (tessera.fit(x, y, s, width=0.7, lam=0.01, ranks=1).fitted for s in (0.02, sigma))
    np.testing.assert_array_equal(one, all_of_them)


def test_saved_dictionaries(samples, tmp_path, folder, hand):
    high, low = samples
    learned = tessera.train_dictionaries(high, low, atoms=10, options={"scdl.iterations": 3}, ranks=1)
    assert learned.high.shape == (9, 10) and learned.low.shape == (3, 10) and learned.linear.shape == (9, 3)
    learned.save(tmp_path / "kept")
    np.testing.assert_array_equal(np.load(tmp_path / "kept" / "dictionary.npz")["low"], learned.low)
    assert "dictionary" in hand("info", tmp_path / "kept" / "dictionary.npz")
    assert (tmp_path / "kept" / "dictionary.toml").stat().st_size > 0


def test_index_of_psfs(stamps, psf, folder):
    """PSFs that index counts are those that it names, one for each stamp."""
    other = np.array([psf, psf.T + 0.1])
    number = np.array([0, 1, 0, 0, 1, 1])
    quick = {"psf.iterations": 5}
    by_index = tessera.deconvolve_stamps(stamps, other, index=number, sigma=0.05, options=quick, ranks=1)
    each = tessera.deconvolve_stamps(stamps, other[number], sigma=0.05, options=quick, ranks=1)
    np.testing.assert_array_equal(by_index.solution, each.solution)
    assert by_index.metrics["noise"] == pytest.approx(0.05)
