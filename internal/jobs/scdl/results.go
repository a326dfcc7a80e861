package scdl

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/internal/report"
	"tessera/ranks"
	"tessera/scdl"
)

// trainMetrics is metrics.json of an scdl-train job.
type trainMetrics struct {
	lifecycle.Record

	High         string           `json:"high"` // file; empty = made up
	Low          string           `json:"low"`
	Samples      int              `json:"samples"`
	HeldOut      int              `json:"held_out"`
	P            int              `json:"high_numbers"`
	M            int              `json:"low_numbers"`
	Atoms        int              `json:"atoms"`
	Iterations   int              `json:"iterations"`
	Converged    bool             `json:"converged"`
	ErrorAt      []int            `json:"error_at"`   // iterations
	ErrorHigh    lifecycle.Series `json:"error_high"` // root mean square, after those iterations
	ErrorLow     lifecycle.Series `json:"error_low"`
	SparsityHigh lifecycle.Number `json:"nonzero_high"` // fraction of the thresholded codes
	SparsityLow  lifecycle.Number `json:"nonzero_low"`
	Digest       string           `json:"training_digest"`
	Coherence    lifecycle.Number `json:"coherence_high"` // mean over the atoms of the largest |cosine| with another
	Reseeded     int              `json:"atoms_begun_anew"`
	Learned      *spectralQuality `json:"learned,omitempty"` // on held-out samples
	RawAtoms     *spectralQuality `json:"raw_atoms,omitempty"`
	Regression   *spectralQuality `json:"linear_regression,omitempty"`
	Seconds      trainSeconds     `json:"seconds"`
	BytesSent    int64            `json:"bytes_sent"` // by all ranks, in training
	Method       string           `json:"method"`
	State        string           `json:"state"`         // memory or the folder
	StateRead    int64            `json:"state_read"`    // bytes of files, by all ranks of this run
	StateWritten int64            `json:"state_written"` // likewise
	Resumed      int              `json:"resumed"`       // iterations of earlier runs
	PeakMemoryMB float64          `json:"peak_memory_mb"`
}

type trainSeconds struct {
	Read  float64 `json:"read"`
	Train float64 `json:"train"`
	Total float64 `json:"total"`
}

// spectralQuality compares predicted samples with true ones.
type spectralQuality struct {
	RMSE  lifecycle.Number `json:"rmse"`
	PSNR  lifecycle.Number `json:"psnr_db"`              // for a peak of the largest true number; of patches, 1
	SAM   lifecycle.Number `json:"sam_degree,omitempty"` // mean angle between a sample and its prediction
	ERGAS lifecycle.Number `json:"ergas,omitempty"`      // 100 (M/P) sqrt(mean over the numbers of (rmse/mean)^2)
}

func (q *spectralQuality) String() string {
	s := fmt.Sprintf("%.2f dB, RMSE %.4g", q.PSNR, q.RMSE)
	if q.SAM > 0 {
		s += fmt.Sprintf(", SAM %.3f degrees, ERGAS %.3f", q.SAM, q.ERGAS)
	}
	return s
}

// spectral is the quality of samples of p numbers, on all ranks. Of patches, which
// have no mean, angles and relative errors say nothing, and the peak is 1. Collective.
func spectral(comm ranks.Comm, x, truth []float64, p, m int, patches bool) (*spectralQuality, error) {
	sums := make([]float64, 2*p+3) // squared error and sum of each number; angles, samples, samples with an angle
	peak := []float64{math.Inf(-1)}
	for i, v := range truth {
		sums[i%p] += (x[i] - v) * (x[i] - v)
		sums[p+i%p] += v
		peak[0] = max(peak[0], v)
	}
	for i := 0; i < len(truth); i += p {
		var xx, tt, xt float64
		for j := i; j < i+p; j++ {
			xx += x[j] * x[j]
			tt += truth[j] * truth[j]
			xt += x[j] * truth[j]
		}
		sums[2*p+1]++
		if xx > 0 && tt > 0 {
			sums[2*p] += math.Acos(min(1, max(-1, xt/math.Sqrt(xx*tt)))) * 180 / math.Pi
			sums[2*p+2]++
		}
	}
	if err := comm.Allreduce(sums, sums, ranks.Sum); err != nil {
		return nil, err
	}
	if err := comm.Allreduce(peak, peak, ranks.Max); err != nil {
		return nil, err
	}
	n := sums[2*p+1]
	square, relative := 0.0, 0.0
	for j := range p {
		square += sums[j] / (n * float64(p))
		if mean := sums[p+j] / n; mean != 0 {
			relative += sums[j] / n / (mean * mean) / float64(p)
		}
	}
	rmse := math.Sqrt(square)
	if patches {
		return &spectralQuality{RMSE: lifecycle.Number(rmse), PSNR: lifecycle.Number(-20 * math.Log10(rmse))}, nil
	}
	return &spectralQuality{
		RMSE: lifecycle.Number(rmse), PSNR: lifecycle.Number(20 * math.Log10(peak[0]/rmse)), SAM: lifecycle.Number(sums[2*p] / sums[2*p+2]),
		ERGAS: lifecycle.Number(100 * float64(m) / float64(p) * math.Sqrt(relative)),
	}, nil
}

// write leaves the dictionaries.
func (r *trainRun) write() error {
	digest, err := r.learn.Digest(r.Comm)
	if err != nil {
		return err
	}
	return r.Finish(lifecycle.Ending{
		Files: []string{dictionaryName, headerName, "error.png", "error.svg", "atoms.png"},
		Write: func() error {
			if r.Comm.Rank() != 0 {
				return nil
			}
			return r.writeFiles(digest)
		},
		Metrics: func(total, memory float64) any {
			r.m.PeakMemoryMB, r.m.Seconds.Total = memory, total
			return r.fill(digest)
		},
		Remove: func() error {
			if err := r.kept.Remove(); err != nil {
				return err
			}
			if folder := r.c.folder(); folder != "" {
				return scdl.RemoveState(folder)
			}
			return nil
		},
		Summary: func(w io.Writer) error { return r.m.summary(w, r.Dir) },
	})
}

// writeFiles leaves the dictionaries and the pictures.
func (r *trainRun) writeFiles(digest string) error {
	res := r.result
	d := &dictionary{Pair: &res.Pair, Raw: r.raw, Linear: r.linear, Head: r.header(digest)}
	if err := d.write(r.Dir); err != nil {
		return err
	}
	var x []float64
	for _, k := range res.At {
		x = append(x, float64(k))
	}
	p := report.Plot{Title: fmt.Sprintf("%d atoms, %d samples", res.Atoms, r.learn.Total), X: "iteration", Y: "root mean square error", LogY: true,
		Series: []report.Series{{Name: "high", X: x, Y: res.ErrorHigh}, {Name: "low", X: x, Y: res.ErrorLow}}}
	if err := errors.Join(p.Write(r.Path("error.png")), p.Write(r.Path("error.svg"))); err != nil {
		return err
	}
	return r.writeAtoms(r.Path("atoms.png"))
}

// fill completes the metrics.
func (r *trainRun) fill(digest string) *trainMetrics {
	res, m := r.result, r.m
	m.High, m.Low, m.Samples, m.HeldOut, m.P, m.M = r.c.Data.High, r.c.Data.Low, r.learn.Total, r.heldOut.Total, res.P, res.M
	m.Atoms, m.Iterations, m.Converged, m.Reseeded = res.Atoms, res.Iterations, res.Converged, res.Reseeded
	m.Method, m.State, m.Resumed, m.ErrorAt = r.c.SCDL.Method, cmp.Or(r.c.folder(), stateMemory), res.Resumed, res.At
	m.ErrorHigh, m.ErrorLow = res.ErrorHigh, res.ErrorLow
	m.SparsityHigh, m.SparsityLow = lifecycle.Number(res.SparsityHigh), lifecycle.Number(res.SparsityLow)
	m.Digest = digest
	m.Coherence = lifecycle.Number(scdl.Coherence(res.Atoms, res.P, res.High))
	m.Seconds.Train = res.Seconds
	return m
}

// atomsShown is how many rows and columns of atoms are drawn at most.
const atomsShown = 16

func (r *trainRun) writeAtoms(path string) error {
	if r.c.Patches.Images != "" {
		return writePatches(path, &r.result.Pair, r.c.Patches.grid())
	}
	return writeCurves(path, &r.result.Pair)
}

// writeCurves draws the first atoms as curves one above the other, high ones as lines
// and the low ones that belong to them as points at the places they stand for.
func writeCurves(path string, p *scdl.Pair) error {
	const shown = 6 // colours
	plot := report.Plot{Title: "the first atoms: high (lines) and low (points)", X: "number in a high sample", Y: "atoms, moved apart"}
	n := min(shown, p.Atoms)
	for low := range 2 {
		rows, dictionary := p.P, p.High
		if low == 1 {
			rows, dictionary = p.M, p.Low
		}
		for a := range n {
			s := report.Series{Points: low == 1, Dashed: low == 1}
			for j, v := range dictionary[a*rows : (a+1)*rows] {
				s.X = append(s.X, float64(j*(p.P-1))/float64(max(1, rows-1)))
				s.Y = append(s.Y, v+0.5*float64(n-1-a))
			}
			plot.Series = append(plot.Series, s)
		}
		for range shown - n { // the same colours again
			plot.Series = append(plot.Series, report.Series{})
		}
	}
	return plot.Write(path)
}

// writePatches draws the first atoms, high ones on the left and the low ones that belong
// to them on the right, each in proportion to its own largest number.
func writePatches(path string, p *scdl.Pair, g scdl.Grid) error {
	n := min(atomsShown, int(math.Ceil(math.Sqrt(float64(p.Atoms)))))
	cell := g.Scale*g.Patch + 1 // the low ones enlarged, the high ones are one less
	sheet := func(side, enlarge int, dictionary []float64) *imageio.Frame {
		f := &imageio.Frame{Channels: 1, Rows: n * cell, Cols: n * cell, Data: make([]float64, n*cell*n*cell)}
		for i := range f.Data {
			f.Data[i] = math.NaN()
		}
		for a := range min(p.Atoms, n*n) {
			atom := dictionary[a*side*side : (a+1)*side*side]
			top := 1e-300
			for _, v := range atom {
				top = max(top, math.Abs(v))
			}
			for i := range side * enlarge {
				for j := range side * enlarge {
					f.Data[(a/n*cell+i)*f.Cols+a%n*cell+j] = atom[i/enlarge*side+j/enlarge] / top
				}
			}
		}
		return f
	}
	signed := imageio.Linear(-1, 1)
	return imageio.WritePanels(path,
		imageio.Panel{Frame: sheet(g.High(), 1, p.High), Stretch: signed},
		imageio.Panel{Frame: sheet(g.Patch, g.Scale, p.Low), Stretch: signed})
}

// header says what the dictionaries are of.
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

func (m *trainMetrics) summary(w io.Writer, dir string) error {
	t := lifecycle.NewTable(w)
	row := t.Row
	last := len(m.ErrorHigh) - 1
	row("samples", "%d of %d and %d numbers, %d held out", m.Samples, m.P, m.M, m.HeldOut)
	row("ranks", "%d, %s", m.Ranks, m.Transport)
	row("dictionaries", "%d atoms, coherence %.3f, %.3f of the codes not 0", m.Atoms, m.Coherence, m.SparsityHigh)
	how := fmt.Sprint(m.Iterations)
	if m.Method == methodOnline {
		how += " passes over the samples"
	}
	if m.Resumed > 0 {
		how += fmt.Sprintf(", %d of them before this run", m.Resumed)
	}
	if last >= 0 {
		how += fmt.Sprintf(", error %.4g to %.4g high, %.4g to %.4g low", m.ErrorHigh[0], m.ErrorHigh[last], m.ErrorLow[0], m.ErrorLow[last])
	}
	row("iterations", "%s", how)
	if m.State != stateMemory {
		row("state", "in %s: %.4g MB read, %.4g MB written", m.State, 1e-6*float64(m.StateRead), 1e-6*float64(m.StateWritten))
	}
	for _, q := range []struct {
		name string
		*spectralQuality
	}{{"held out: learned", m.Learned}, {"raw samples as atoms", m.RawAtoms}, {"linear regression", m.Regression}} {
		if q.spectralQuality != nil {
			row(q.name, "%s", q.spectralQuality)
		}
	}
	row("seconds", "%.2f read, %.2f train, %.2f in all", m.Seconds.Read, m.Seconds.Train, m.Seconds.Total)
	row("peak memory", "%.0f MB", m.PeakMemoryMB)
	row("written to", "%s", dir)
	return t.Flush()
}
