package scdl

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"

	"tessera/ranks"
)

// withDefaults replaces zero values by the documented defaults.
func (o Options) withDefaults() Options {
	lambda, beta, precision := 0.001, 1.0, Single
	if o.Compatibility != Corrected {
		lambda, beta, precision = 0.1, 0.01, Double
		o.FirstColumns = true
	}
	o.MaxIterations, o.CheckEvery = cmp.Or(o.MaxIterations, 100), cmp.Or(o.CheckEvery, 1)
	o.Lambda, o.Beta, o.Precision = cmp.Or(o.Lambda, lambda), cmp.Or(o.Beta, beta), cmp.Or(o.Precision, precision)
	o.C1, o.C2, o.C3 = cmp.Or(o.C1, 0.4), cmp.Or(o.C2, 0.4), cmp.Or(o.C3, 0.8)
	o.Step, o.Delta = cmp.Or(o.Step, 0.02), cmp.Or(o.Delta, 1e-4)
	o.Batch, o.CodeIterations = cmp.Or(o.Batch, 2048), cmp.Or(o.CodeIterations, 30)
	return o
}

// check returns everything that is wrong with options whose defaults are filled in, for
// so many samples.
func (o *Options) check(total int) error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("scdl: "+format, args...))
		}
	}
	if o.Atoms < 1 || o.Atoms > total {
		errs = append(errs, tooMany(o.Atoms, total))
	}
	want(o.MaxIterations >= 1 && o.CheckEvery >= 1, "%d iterations, an error every %d", o.MaxIterations, o.CheckEvery)
	want(o.Tolerance >= 0, "tolerance %g, want 0 or more", o.Tolerance)
	want(o.Batch >= 1 && o.CodeIterations >= 1, "mini-batches of %d samples, %d iterations each", o.Batch, o.CodeIterations)
	for _, v := range []float64{o.Lambda, o.C1, o.C2, o.C3, o.Beta, o.Step, o.Delta} {
		want(v > 0 && !math.IsInf(v, 0), "lambda, c1, c2, c3, beta, step and delta must be positive, one is %g", v)
	}
	want(o.Precision == Single || o.Precision == Double, "precision %q", o.Precision)
	want(o.Compatibility == Corrected || o.Compatibility == Sequential || o.Compatibility == Spark, "compatibility %q", o.Compatibility)
	return errors.Join(errs...)
}

// agree checks this rank's samples and options, and that the ranks have the same of what
// they must have in common: otherwise they would make different collective calls, and
// wait for each other for ever. Collective; the error is the same on all ranks.
func agree(comm ranks.Comm, s *Samples, o *Options) error {
	err := s.Check()
	if err == nil {
		err = o.check(s.Total)
	}
	if err := ranks.AgreeError(comm, err); err != nil {
		return err
	}
	return s.agree(comm, o.common()...)
}

// agree checks this rank's samples, that all ranks have samples of the same shape, and
// that the parts of the ranks, in their order, make up the whole set; and that further
// lines are the same on all ranks. Collective; the error is the same on all ranks.
func (s *Samples) agree(comm ranks.Comm, lines ...string) error {
	if err := ranks.AgreeError(comm, s.Check()); err != nil {
		return err
	}
	shape := fmt.Sprintf("%d samples of %d and %d numbers", s.Total, s.P, s.M)
	if err := sameOnAll(comm, append([]string{shape}, lines...)...); err != nil {
		return err
	}
	all, err := ranks.Numbers(comm, float64(s.First), float64(s.Count()))
	if err != nil {
		return err
	}
	at := 0
	for r := range comm.Size() {
		first, count := int(all[2*r]), int(all[2*r+1])
		if first != at && count > 0 {
			return fmt.Errorf("scdl: rank %d begins with sample %d, want %d", r, first, at)
		}
		at += count
	}
	if at != s.Total {
		return fmt.Errorf("scdl: the ranks have %d samples of %d", at, s.Total)
	}
	return nil
}

// common describes the options that are the same on all ranks, some a line.
func (o *Options) common() []string {
	resume := "nothing"
	if o.Resume != nil {
		resume = fmt.Sprintf("a snapshot with checksum %.6x", sha256.Sum256(o.Resume.Meta))
	}
	return []string{
		fmt.Sprintf("compatibility %q", o.Compatibility),
		fmt.Sprintf("%d atoms", o.Atoms),
		fmt.Sprintf("%d iterations, an error every %d", o.MaxIterations, o.CheckEvery),
		fmt.Sprintf("tolerance %g", o.Tolerance),
		fmt.Sprintf("lambda %g, penalties %g, %g and %g", o.Lambda, o.C1, o.C2, o.C3),
		fmt.Sprintf("beta %g, step %g, delta %g", o.Beta, o.Step, o.Delta),
		fmt.Sprintf("first columns %v", o.FirstColumns),
		fmt.Sprintf("precision %q", o.Precision),
		fmt.Sprintf("seed %d", o.Seed),
		fmt.Sprintf("state in files %v", o.Folder != ""),
		fmt.Sprintf("mini-batches of %d samples, %d iterations each", o.Batch, o.CodeIterations),
		fmt.Sprintf("snapshots kept %v, every %v", o.Save != nil, o.SaveEvery),
		fmt.Sprintf("continue from %s", resume),
	}
}

// sameOnAll compares lines with those of rank 0, as many on every rank. Collective; the
// error is the same on all ranks.
func sameOnAll(comm ranks.Comm, mine ...string) error {
	text := []byte(strings.Join(mine, "\n"))
	length := len(text)
	if err := ranks.Share(comm, &length); err != nil {
		return err
	}
	if comm.Rank() != 0 {
		text = make([]byte, length)
	}
	if err := comm.BcastBytes(text, 0); err != nil {
		return err
	}
	var err error
	for i, line := range strings.Split(string(text), "\n") {
		if mine[i] != line {
			err = fmt.Errorf("scdl: %s, but rank 0 has %s; all ranks need the same", mine[i], line)
			break
		}
	}
	return ranks.AgreeError(comm, err)
}
