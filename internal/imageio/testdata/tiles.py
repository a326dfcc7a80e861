# Writes tile-compressed FITS files into a folder, with astropy and, where it is installed,
# fpack, and beside each NAME.fits.fz the values that astropy reads, as NAME.npy (float64).
#     python3 tiles.py FOLDER
import os, shutil, subprocess, sys
import numpy as np
from astropy.io import fits

os.chdir(sys.argv[1])
rng = np.random.default_rng(16)
rows, cols = 37, 53
y, x = np.mgrid[:rows, :cols]
sky = 100 + 900 * np.exp(-((x - 20) ** 2 + (y - 15) ** 2) / 50) + rng.normal(0, 3, (rows, cols))
holes = np.where((x > 30) & (y < 9), 0.0, sky)
nan = np.where((x + y) % 17 == 0, np.nan, holes)
nan[20:24] = np.nan
images = {
    "u1": (sky / 5).astype("u1"), "i2": (sky * 20 - 9000).astype("i2"), "u2": (sky * 60).astype("u2"),
    "i4": (sky * 1e6 - 2e8).astype("i4"), "u4": (sky * 4e6).astype("u4"), "wild": rng.integers(-2**31, 2**31, (rows, cols)).astype("i4"),
    "wild2": rng.integers(-2**15, 2**15, (rows, cols)).astype("i2"), "const": np.full((rows, cols), 7, "i2"),
    "f4nan": nan.astype("f4"), "f8nan": nan,
    "mask": (((x - 9) ** 2 + y ** 2 < 90) * 4 + (x % 11 == 3) * 65).astype("i2"), "mask4": ((x % 19 == 2) * (1 << 20) + (y % 5 == 0)).astype("i4"),
    "cube": np.stack([(sky * k).astype("i2") for k in (1, 2, 3)]), "cubef": np.stack([holes * k for k in (1, 2)]).astype("f4"),
}


def reference(name):
    with fits.open(name + ".fits.fz") as f:
        data = next(h.data for h in f if h.data is not None)
        np.save(name + ".npy", np.asarray(data, "f8"))


def write(name, data, **how):
    name = "-".join([name] + ["%s" % (v if not isinstance(v, list) else "x".join(map(str, v))) for v in how.values()])
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data, **how)]).writeto(name + ".fits.fz", overwrite=True, output_verify="ignore")
    reference(name)


for name, data in images.items():
    whole = name.startswith(("u", "i", "w", "c", "m")) and name != "cubef"
    lead = [1] * (data.ndim - 2)
    for kind in ["RICE_1", "GZIP_1", "GZIP_2"] + ["PLIO_1"] * name.startswith("mask"):
        if whole:
            write(name, data, compression_type=kind)
            write(name, data, compression_type=kind, tile_size=[11, 7] + lead)
            continue
        for level in (16, 0.01) if kind != "GZIP_1" else (16, 0):
            if level == 0:
                write(name, data, compression_type=kind, quantize_level=0.0)
                continue
            for method in (-1, 1, 2):
                write(name, data, compression_type=kind, tile_size=[19, 12] + lead, quantize_level=level, quantize_method=method, dither_seed=9000 + method)
    if not whole:
        write(name, data, compression_type="GZIP_2", quantize_level=0.0, tile_size=[10, 10] + lead)
if shutil.which("fpack"):
    for flag in ("-r", "-g", "-h", "-p", "-g2", "-r -qz 4", "-g -q 0", "-w -r", "-h -t 16,11", "-h -s 4", "-h -s 4 smooth"):
        folder = "fpack" + flag.replace(" ", "")
        os.mkdir(folder)
        for name in ("u1", "i2", "u2", "wild", "wild2", "f4nan", "f8nan", "mask", "cube", "cubef"):
            data = images[name]
            real = name.startswith("f") or name == "cubef"
            if not ("-p" in flag and not name == "mask" or "-q" in flag and not real or "-t" in flag and (data.ndim > 2 or name == "wild2")):
                fits.HDUList([fits.PrimaryHDU(data)]).writeto("%s/%s.fits" % (folder, name))
        subprocess.run(["fpack", *flag.replace("smooth", "").split(), *sorted(os.listdir(folder))], cwd=folder, capture_output=True)
        for name in images:
            path = "%s/%s.fits" % (folder, name)
            if not os.path.exists(path + ".fz"):
                continue
            os.remove(path)
            if "smooth" in flag:
                raw = open(path + ".fz", "rb").read()
                at = raw.index(b"'SMOOTH")
                at = raw.index(b"ZVAL", at)
                open(path + ".fz", "wb").write(raw[:at] + raw[at:at + 80].replace(b" 0 ", b" 1 ") + raw[at + 80:])
        subprocess.run(["funpack", *sorted(f for f in os.listdir(folder) if f.endswith(".fz"))], cwd=folder, capture_output=True)
        for name in images:
            path = "%s/%s.fits" % (folder, name)
            if os.path.exists(path) and os.path.exists(path + ".fz"):
                # cfitsio's values, as this astropy does not know ZBLANK of real numbers; but funpack places
                # NaN wrongly in tiles that are not whole rows.
                values = next(h.data for h in fits.open(path) if h.data is not None).astype("f8")
                if "-t" in flag:
                    values = next(h.data for h in fits.open(path + ".fz") if h.data is not None).astype("f8")
                    values[np.isnan(images[name])] = np.nan
                np.save("%s-%s.npy" % (name, folder), values)
                os.rename(path + ".fz", "%s-%s.fits.fz" % (name, folder))
