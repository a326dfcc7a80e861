// Package scdl is the job "scdl-train", which learns a coupled pair of dictionaries by
// tessera/scdl, and the jobs "scdl-spectra" and "scdl-upscale", which predict spectra and
// upscale pictures with such a pair. Samples come from matrices, of which every rank reads
// its own samples, from patches of pictures, or from simulated spectra. docs/jobs explains
// the configs and the results, a page for each job.
package scdl
