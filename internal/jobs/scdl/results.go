package scdl

import (
	"errors"
	"fmt"
	"strings"

	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/scdl"
)

// write leaves the dictionaries. Collective.
func (r *trainRun) write() error {
	digest, err := r.learn.Digest(r.Comm)
	if err != nil {
		return err
	}
	if r.Comm.Rank() == 0 {
		r.fill(digest)
	}
	return r.Finish(lifecycle.Ending{
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			return r.writeFiles(digest)
		},
		Metrics: r.m,
		Remove: func() error {
			err := r.kept.Remove()
			if folder := r.c.folder(); folder != "" {
				err = errors.Join(err, scdl.RemoveState(folder))
			}
			return err
		},
	})
}

// trainFiles are all files that a run may leave.
func trainFiles() []string {
	return append([]string{dictionaryName, headerName}, report.Names("error", "atoms")...)
}

// writeFiles writes the dictionaries and the pictures. Rank 0 alone.
func (r *trainRun) writeFiles(digest string) error {
	res := r.result
	d := &dictionary{Pair: &res.Pair, Raw: r.raw, Linear: r.linear, Head: r.header(digest)}
	if err := d.write(r.Path("")); err != nil {
		return err
	}
	var x []float64
	for _, k := range res.At {
		x = append(x, float64(k))
	}
	p := report.Plot{
		Title: fmt.Sprintf("Training of %d atoms on %d samples: error of the samples", res.Atoms, r.learn.Total),
		X:     "iteration", Y: "root mean square error, units of the samples", LogY: true,
		Series: []report.Series{{Name: "high resolution", X: x, Y: res.ErrorHigh}, {Name: "low resolution", X: x, Y: res.ErrorLow}},
	}
	if err := p.Write(r.Path("error"), r.Figures()...); err != nil {
		return err
	}
	return r.writeAtoms(r.Path("atoms"))
}

// header says of what the dictionaries are, and how they were learned.
func (r *trainRun) header(digest string) dictionaryHead {
	c, o := r.c, &r.c.SCDL
	h := dictionaryHead{
		Atoms: r.result.Atoms, High: r.result.P, Low: r.result.M, Normalisation: strings.Replace(o.Compat, "none", "joint", 1),
		HighFile: c.Data.High, LowFile: c.Data.Low, Images: c.Patches.Images,
		Training: trainingHead{
			Digest: digest, Samples: r.learn.Total, Seed: c.Seed, Method: o.Method, Iterations: r.result.Iterations, Lambda: o.Lambda,
			C1: o.C1, C2: o.C2, C3: o.C3, Beta: o.Beta, Step: o.Step, Start: o.Start, Precision: o.Precision,
		},
	}
	if c.Patches.Images != "" {
		h.Scale, h.Patch, h.HighPatch, h.Blur = c.Patches.Scale, c.Patches.Patch, c.Patches.grid().High(), c.Patches.Blur
	}
	return h
}
