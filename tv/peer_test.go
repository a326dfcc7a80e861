package tv

import (
	"context"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"tessera/internal/imageio"
	"tessera/ranks"
)

// Of BenchmarkPeer: the side of its frames in pixels, of which 256 is a matter of a minute, and when a peer is stopped.
var (
	side  = flag.Int("peer-side", 1024, "side of the frames of BenchmarkPeer")
	limit = flag.Float64("peer-limit", 25, "largest ratio that BenchmarkPeer measures")
)

// BenchmarkPeer solves two problems on 1024 x 1024 pixels on two ranks, to a relative duality gap
// of 1e-4, and has NumPy, SciPy and scikit-image solve them to the same distance from the lower
// bound of the minimum that was found: scripts/bench/tv_peers.py. Both are measured by the
// processor time, that of the two ranks divided by two. A peer that takes -peer-limit times as long is stopped there: the
// ratio is then a lower limit, and the cost it has come to is printed beside it. The benchmark is skipped where Python or its
// packages are missing.
//
//	go test -tags native ./tv -run xxx -bench Peer -benchtime 1x
func BenchmarkPeer(b *testing.B) {
	const tolerance = 1e-4
	for _, kind := range []string{"deblur", "denoise"} {
		b.Run(kind, func(b *testing.B) {
			python := interpreter(b)
			o := Options{Method: ADMM, Lambda: 0.003, Tolerance: tolerance, MaxIterations: 40000}
			noise := 0.01
			if kind == "denoise" {
				o.Method, o.Penalty, o.Lambda, noise = PrimalDual, Isotropic, 0.05, 0.05
			}
			path := filepath.Join(b.TempDir(), "y.npy")
			var r *Result
			seconds := 0.0
			for b.Loop() {
				onRanks(b, 2, func(comm ranks.Comm) error {
					p, err := cells(comm, *side, 9, false, noise)
					if err != nil {
						return err
					}
					if kind == "denoise" {
						p.Operator = nil
					}
					whole, err := p.Frame.GatherTo(comm, 0, p.Data, 1)
					if err != nil {
						return err
					}
					if comm.Rank() == 0 {
						if err := imageio.WriteNpy(path, []int{*side, *side}, whole); err != nil {
							return err
						}
					}
					if err := comm.Barrier(); err != nil {
						return err
					}
					start := processor()
					result, err := Solve(context.Background(), comm, p, o)
					if err != nil {
						return err
					}
					if err := comm.Barrier(); err != nil {
						return err
					}
					if comm.Rank() == 0 {
						r, seconds = result, (processor()-start)/2
					}
					return nil
				})
			}
			script, err := filepath.Abs("../scripts/bench/tv_peers.py")
			if err != nil {
				b.Fatal(err)
			}
			out, err := exec.Command(python, script, kind, path, fmt.Sprint(o.Lambda), fmt.Sprint(r.Cost-r.Gap), fmt.Sprint(tolerance), fmt.Sprint(*limit*seconds)).CombinedOutput()
			if err != nil {
				b.Skipf("%v: %s", err, out)
			}
			var iterations int
			var cost, theirs float64
			if _, err := fmt.Sscan(string(out), &iterations, &cost, &theirs); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			b.ReportMetric(seconds, "s/ours")
			b.ReportMetric(float64(r.Iterations), "iterations/ours")
			b.ReportMetric(theirs, "s/peer")
			b.ReportMetric(float64(iterations), "iterations/peer")
			b.ReportMetric((cost-r.Cost)/r.Cost, "cost-difference")
			gap := cost/(r.Cost-r.Gap) - 1
			if b.ReportMetric(theirs/seconds, "ratio"); gap > tolerance {
				b.Logf("the peer was stopped at a relative gap of %.2g: the ratio is a lower limit", gap)
			}
		})
	}
}

// interpreter is a Python that has NumPy and SciPy.
func interpreter(b *testing.B) string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import numpy, scipy").Run() == nil {
			return name
		}
	}
	b.Skip("no Python with NumPy and SciPy")
	return ""
}
