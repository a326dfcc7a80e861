package scdl

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

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
// wait for each other for ever. call names the function. Collective; the error is the
// same on all ranks.
func agree(comm ranks.Comm, call string, s *Samples, o *Options) error {
	err := s.Check()
	if err == nil {
		err = o.check(s.Total)
	}
	return s.agree(comm, call, err, o.same()...)
}

// agree checks this rank's samples, that all ranks have samples of the same shape and the
// same of what else is given, and that the parts of the ranks, in their order, make up
// the whole set. err is what is wrong besides on this rank. Collective; the error is the
// same on all ranks.
func (s *Samples) agree(comm ranks.Comm, call string, err error, same ...ranks.Same) error {
	if e := s.Check(); e != nil {
		err = e
	}
	shape := Samples{}
	if s != nil {
		shape = *s
	}
	err = ranks.AgreeSame(comm, "scdl: "+call, err, append([]ranks.Same{
		{Name: "Samples.P", Value: float64(shape.P)}, {Name: "Samples.M", Value: float64(shape.M)}, {Name: "Samples.Total", Value: float64(shape.Total)},
	}, same...)...)
	if err != nil {
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

// same lists the options that must be equal on all ranks.
func (o *Options) same() []ranks.Same {
	number := func(name string, v float64) ranks.Same { return ranks.Same{Name: name, Value: v} }
	resume := ""
	if o.Resume != nil {
		resume = fmt.Sprintf("%x", sha256.Sum256(o.Resume.Meta))
	}
	return []ranks.Same{
		ranks.SameText("Compatibility", o.Compatibility), number("Atoms", float64(o.Atoms)),
		number("MaxIterations", float64(o.MaxIterations)), number("CheckEvery", float64(o.CheckEvery)), number("Tolerance", o.Tolerance),
		number("Lambda", o.Lambda), number("C1", o.C1), number("C2", o.C2), number("C3", o.C3),
		number("Beta", o.Beta), number("Step", o.Step), number("Delta", o.Delta),
		ranks.SameText("FirstColumns", o.FirstColumns), ranks.SameText("Precision", o.Precision), ranks.SameText("Seed", o.Seed),
		ranks.SameText("Folder (given or not)", o.Folder != ""),
		number("Batch", float64(o.Batch)), number("CodeIterations", float64(o.CodeIterations)),
		ranks.SameText("Save (given or not)", o.Save != nil), number("SaveEvery", float64(o.SaveEvery)),
		ranks.SameText("Resume", resume),
	}
}
