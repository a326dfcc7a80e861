package mlpatch

import (
	"math"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/halo"
	"tessera/internal/jobs/jobtest"
	"tessera/internal/random"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// The job reconstructs a simulated frame from 60 parallel projections better than total variation, Tikhonov and Wiener with the truth in
// sight, and those better than filtered back-projection; projections of a file give the same frame on any number of ranks.
func TestTomographyJob(t *testing.T) {
	const side, angles = 32, 60
	path, truth := cells(t, 1, side, side)
	sets := []string{"mlpatch.model=" + shipped, "output.pictures=false", "tomography.angles=60"}
	dir, err := jobtest.Run(t, LoadADMM, 2, `job = "mlpatch-admm"`, append(sets, "simulate.from="+path, "simulate.noise=0.02", "tv.rule=oracle", "tv.tolerance=0.1")...)
	if err != nil {
		t.Fatal(err)
	}
	m := jobtest.Metrics(t, dir)
	psnr := func(column string) float64 { return jobtest.Quality(t, m, column, "psnr_db") }
	learned, tv, back := psnr("solution"), psnr("tv"), psnr("observed")
	t.Logf("PSNR: %.2f dB back-projected, %.2f dB TV, %.2f dB learned", back, tv, learned)
	if !(learned > tv) || !(tv > back) {
		t.Errorf("PSNR: %.2f dB back-projected, %.2f dB TV, %.2f dB learned", back, tv, learned)
	}
	for _, name := range []string{"tikhonov", "wiener"} {
		v := psnr(name)
		t.Logf("%s %.2f dB", name, v)
		if !(v > back) || !(learned > v) {
			t.Errorf("PSNR of %s: %.2f dB", name, v)
		}
	}
	if v := m["fit"].(map[string]any)["residual_by_noise"].(float64); !(v > 0.8 && v < 1.2) {
		t.Errorf("the residual of the projections is %g of their noise", v)
	}
	if x := jobtest.ReadNpy(t, dir, "backprojection.npy"); len(x) != side*side {
		t.Errorf("%d back-projected values", len(x))
	}

	var y []float64
	bins := 0
	jobtest.OnRanks(t, 1, func(comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{side, side}, 1)
		if err != nil {
			return err
		}
		p, err := forward.NewProjector(comm, frame, angles, 0)
		if err != nil {
			return err
		}
		bins = p.Bins()
		y = make([]float64, angles*bins)
		if err := p.Apply(y, truth); err != nil {
			return err
		}
		draw := random.New(1, 98)
		for i := range y {
			y[i] += 0.3 * draw.Normal(uint64(i))
		}
		y[77] = math.NaN() // a broken detector
		return nil
	})
	sinogram := jobtest.WriteNpy(t, t.TempDir(), "sinogram.npy", y, angles, bins)
	observed := append(sets, "image.path="+sinogram, "noise.sigma=0.3", "tomography.rows=32", "tomography.cols=32", "tv.rule=none", "admm.max_iterations=30")
	var want []float64
	for _, n := range []int{1, 3} {
		dir, err := jobtest.Run(t, LoadADMM, n, `job = "mlpatch-admm"`, append(observed, "image.truth="+path, "output.gather="+map[int]string{1: "always", 3: "never"}[n])...)
		if err != nil {
			t.Fatal(err)
		}
		x := jobtest.ReadNpy(t, dir, "solution.npy")
		if want == nil {
			want = x
		}
		if d := jobtest.Farthest(x, want); d > 1e-4 {
			t.Errorf("%d ranks: the frame differs by %g", n, d)
		}
		square, top := 0.0, 0.0
		for i, v := range truth {
			square += (x[i] - v) * (x[i] - v) / float64(len(truth))
			top = max(top, v)
		}
		m := jobtest.Metrics(t, dir)
		if db, said := 10*math.Log10(top*top/square), jobtest.Quality(t, m, "solution", "psnr_db"); math.Abs(db-said) > 1e-9 {
			t.Errorf("%d ranks: PSNR %g dB with image.truth, want %g", n, said, db)
		}
		if v := m["fit"].(map[string]any)["residual_by_noise"].(float64); !(v > 0.8 && v < 1.2) {
			t.Errorf("%d ranks: the residual of the projections is %g of their noise", n, v)
		}
	}
	square := 0.0
	for i, v := range truth {
		square += (want[i] - v) * (want[i] - v) / float64(len(truth))
	}
	if db := -10 * math.Log10(square); db < 28 {
		t.Errorf("the frame of the file has a PSNR of %.2f dB", db)
	}
	other := jobtest.WriteNpy(t, t.TempDir(), "other.npy", simulate.Cells{Seed: 1, Rows: 50, Cols: 40}.Draw(0), 50, 40)
	for set, want := range map[string]string{
		"image.path=" + sinogram: "tomography.rows", "image.path=" + other + "\x00tomography.rows=9\x00tomography.cols=9\x00noise.sigma=1": "the 50 rows of",
		"image.path=" + sinogram + "\x00tomography.rows=9\x00tomography.cols=9": "noise.sigma", "blur.kind=box": "blur.kind", "tomography.angles=-1": "tomography.angles",
		"image.path=" + sinogram + "\x00tomography.rows=32\x00tomography.cols=32\x00noise.sigma=1\x00image.truth=" + sinogram: "image.truth",
	} {
		j, err := jobtest.Parse(LoadADMM, `job = "mlpatch-admm"`, append(append([]string{}, sets...), strings.Split(set, "\x00")...)...)
		if err == nil {
			err = j.CheckFiles()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", set, err, want)
		}
	}
}
