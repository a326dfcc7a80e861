package tv

import (
	"context"
	"testing"

	"tessera/ranks"
)

// BenchmarkSearch is a search for lambda by each rule that needs the noise, on 1024 x 1024 pixels on two ranks by ADMM, beside
// one solve at the lambda that it finds: the ratio of processor times is printed.
//
//	go test -tags native ./tv -run xxx -bench Search -benchtime 1x
func BenchmarkSearch(b *testing.B) {
	for _, rule := range []Rule{Discrepancy, SURE} {
		b.Run(string(rule), func(b *testing.B) {
			onRanks(b, 2, func(comm ranks.Comm) error {
				p, err := cells(comm, 1024, 9, false, 0.01)
				if err != nil {
					return err
				}
				for range b.N {
					start := processor()
					r, err := Solve(context.Background(), comm, p, Options{Method: ADMM, Rule: rule, Noise: 0.01})
					if err != nil {
						return err
					}
					if err := comm.Barrier(); err != nil {
						return err
					}
					search := processor() - start
					start = processor()
					one, err := Solve(context.Background(), comm, p, Options{Method: ADMM, Lambda: r.Lambda})
					if err != nil {
						return err
					}
					if err := comm.Barrier(); err != nil {
						return err
					}
					if solve := processor() - start; comm.Rank() == 0 {
						for _, t := range r.Search.Trials {
							b.Logf("%+v", t)
						}
						b.Logf("lambda %v: %d iterations of %d, %d gaps; one solve %d iterations, %d gaps, misfit %v and %v", r.Lambda, r.Iterations, r.All, r.Gaps,
							one.Iterations, one.Gaps, r.Misfit, one.Misfit)
						b.ReportMetric(search, "s/search")
						b.ReportMetric(solve, "s/solve")
						b.ReportMetric(search/solve, "ratio")
					}
				}
				return nil
			})
		})
	}
}
