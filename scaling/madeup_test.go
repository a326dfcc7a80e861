package scaling

import (
	"fmt"
	"math"
	"time"
)

// madeUp is a synthetic report of four studies: strong scaling on 2 cores, weak scaling, a
// single number of ranks, and a study with missing numbers and failed runs.
func madeUp() *Report {
	made := time.Date(2026, 3, 4, 15, 30, 0, 0, time.UTC)
	ethernet := Link{"25 GbE", 20e-6, 2.5e9}
	strong := Summary{
		Study: Study{Kind: Strong, Title: `Deblurring <512 x 512> & "friends"`, Job: "tikhonov", Config: "configs/deblur.toml", Cores: 2, Link: Link{"shared memory", 1e-6, 8e9}},
		Began: made.Add(-time.Hour), Seconds: 512.5, Wrong: 1, LargestLoad: 0.42,
		Published: publishedFor(&Study{Kind: Strong, Job: "tikhonov"}),
	}
	times := []float64{8.1234567, 4.31234567, 4.4217, 4.7123, 5.30456}
	iterations := []int{21, 22, 24, 27, 31}
	for i, p := range []int{1, 2, 4, 8, 16} {
		r := madeUpRow(Strong, p, 1, times[0], times[i], iterations[0], iterations[i], 2)
		r.LargestLoad, r.FirstRun = 0.3+0.01*float64(i), made.Add(-time.Duration(i)*time.Minute)
		strong.Rows = append(strong.Rows, r)
	}
	strong.Rows[3].Failed = 1
	serial := madeUpRow(Strong, 1, 1, times[0], 6.71234, 0, 0, 2)
	serial.Name = "FFT | direct"
	slower := serial
	slower.Name, slower.Median, slower.Low, slower.High = "conjugate gradients", 9.5, 9.4, 9.7
	strong.Serial = []Row{slower, serial}
	for _, p := range []int{32, 64} {
		talk := 0.004 * math.Log2(float64(p))
		t := times[0]/float64(p)*1.4 + talk
		strong.Projected = append(strong.Projected, Projection{p, ethernet, t, times[0] / t, times[0] / t / float64(p), t - talk, talk, "the runs on 16 ranks"})
	}

	weak := Summary{Study: Study{Kind: Weak, Title: "Galaxy stamps, weak", Job: "psf", Config: "configs/stamps.toml", Cores: 64}, Began: made, Seconds: 300, LargestLoad: 1.2}
	for i, p := range []int{1, 4, 16, 64} {
		weak.Rows = append(weak.Rows, madeUpRow(Weak, p, float64(p), 2.5, 2.5+0.07*float64(i*i), 0, 0, 64))
	}
	for i := range weak.Rows {
		weak.Rows[i].Before = weak.Rows[i].Owned
		weak.Rows[i].Modelled, weak.Rows[i].ModelledOverMeasured = 0.97*weak.Rows[i].Median, 0.97
	}

	single := Summary{Study: Study{Kind: Strong, Title: "one rank", Job: "psf", Config: "configs/one.toml", Cores: 2}, Seconds: math.NaN(), LargestLoad: math.NaN()}
	single.Rows = []Row{madeUpRow(Strong, 1, 1, 2, 2, 5, 5, 2)}

	missing := Summary{Study: Study{Kind: Weak, Title: "numbers are missing", Job: "kernel", Config: "configs/cells.toml", Cores: 2}, Wrong: 9, Seconds: math.NaN(), LargestLoad: math.NaN()}
	for _, p := range []int{1, 2, 4} {
		r := madeUpRow(Weak, p, float64(p), 1, 1.1, 9, 9, 2)
		r.Low, r.High, r.SpeedUpLow, r.SpeedUpHigh, r.Runs = math.NaN(), math.NaN(), math.NaN(), math.NaN(), 5
		r.ExchangeOverCompute, r.TLoc, r.ScaleUp, r.ComputationScaling = math.NaN(), math.NaN(), math.NaN(), math.Inf(1)
		if p == 4 { // no run counts
			n := math.NaN()
			r = Row{Point: r.Point, Oversubscribed: true, Failed: 9, Stopped: "most", Median: n, Low: n, High: n, Total: n, SpeedUp: n, Efficiency: n,
				IterationEfficiency: n, PerIterationEfficiency: n, SpeedUpLow: n, SpeedUpHigh: n, LoadBalance: n, CommunicationEfficiency: n, ParallelEfficiency: n, ComputationScaling: n, GlobalEfficiency: n, IndependentEfficiency: n, RelativeToIndependent: n,
				CommunicationShare: n, MemoryMB: n, HaloOverOwned: n, TLoc: n, ScaleUp: n, IdentityError: n, Difference: n, Modelled: n, ModelledOverMeasured: n,
				ExchangeOverCompute: n, LargestLoad: n, ModelledCommunication: n}
		}
		missing.Rows = append(missing.Rows, r)
	}
	return &Report{
		Title: `Scaling of Tessera: "a < b" & more`, Made: made, Studies: []Summary{strong, weak, single, missing},
		Environment: Environment{Tessera: "0.9", Modified: true, Go: "go1.26", Host: "bench", System: "Linux 6.1", CPU: "a processor & more", Cores: 2, MemoryGB: 15.6,
			Launch: "mpirun --bind-to core", Transport: "MPI", MPI: "Open MPI 4.1", BLAS: "OpenBLAS", FFT: "FFTW", Variables: map[string]string{"OMP_NUM_THREADS": "1", "GOGC": "100"}, ConfigDigest: "9f86d081"},
	}
}

// madeUpRow is a synthetic row that is consistent with the definitions.
func madeUpRow(kind Kind, p int, work, t1, t float64, n1, n, cores int) Row {
	q := float64(p)
	r := Row{
		Point:          Point{Ranks: p, Size: fmt.Sprintf("%d x 512 pixels", int(512*work)), Work: work, N: 262144 * work},
		Oversubscribed: p > cores, Runs: 12, Stopped: "interval", FromCPU: p > cores,
		Median: t, Low: 0.98 * t, High: 1.03 * t, Total: t + 0.9, Iterations: n,
		SpeedUp: t1 / t, Efficiency: t1 / t, IterationEfficiency: math.NaN(), PerIterationEfficiency: math.NaN(),
		LoadBalance: 1 - 0.004*q/(1+q/16), CommunicationEfficiency: 1 - 0.01*math.Log2(q), ComputationScaling: 0.985,
		Messages: int64(1234 * (p - 1)), Bytes: int64(987654 * (p - 1)), CommunicationShare: 0.02 * math.Log2(q), MemoryMB: 210.4/q + 40,
		HaloOverOwned: 0.0312 * (math.Sqrt(q) - 1), Difference: 3.1e-9, LargestLoad: 0.3,
		Modelled: t1*work/q*1.05 + 0.002*math.Log2(q), ExchangeOverCompute: 0.013 * math.Log2(q), ModelledCommunication: 0.002 * math.Log2(q),
	}
	if kind == Strong {
		r.Efficiency /= q
	}
	if n > 0 {
		r.IterationEfficiency = float64(n1) / float64(n)
		r.PerIterationEfficiency = r.Efficiency / r.IterationEfficiency
		r.TLoc = 0.9 * t * math.Min(1, float64(cores)/q) / float64(n)
		r.ScaleUp = t1 * work / (q * r.TLoc)
		r.IdentityError = 1.3e-16
	} else {
		r.TLoc, r.ScaleUp, r.IdentityError = math.NaN(), math.NaN(), math.NaN()
	}
	r.IndependentEfficiency, r.RelativeToIndependent = math.NaN(), math.NaN()
	if p > 1 && p <= cores {
		r.IndependentEfficiency, r.RelativeToIndependent = 0.96, r.Efficiency/0.96
	}
	r.SpeedUpLow, r.SpeedUpHigh = 0.96*r.SpeedUp, 1.04*r.SpeedUp
	r.ModelledOverMeasured = r.Modelled / t
	r.ParallelEfficiency = r.LoadBalance * r.CommunicationEfficiency
	r.GlobalEfficiency = r.ParallelEfficiency * r.ComputationScaling
	r.Phases = []Phase{{"read", 0.21}, {"balance", 0.05 * math.Log2(2*q)}, {"assemble", 0.4}, {"solve", t}, {"write", 0.24}}
	for i := range p {
		wave := math.Sin(7 * float64(i))
		r.Before = append(r.Before, math.Round(262144*work/q*(1+0.6*wave)))
		r.Owned = append(r.Owned, math.Round(262144*work/q*(1+0.03*wave)))
		r.Compute = append(r.Compute, t*0.9*math.Min(1, float64(cores)/q)*(1+0.06*wave))
	}
	return r
}
