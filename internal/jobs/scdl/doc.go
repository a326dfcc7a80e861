// Package scdl is the jobs "scdl-train", which learns a coupled pair of dictionaries,
// "scdl-spectra" and "scdl-upscale", which use one. They fill the options of the package
// scdl.
package scdl
