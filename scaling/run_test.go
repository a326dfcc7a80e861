package scaling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// machine is a launcher that starts nothing: a formula gives the time of a run.
type machine struct {
	noise   float64
	wrong   int     // number of ranks whose answer is wrong
	broken  int     // number of ranks whose runs fail
	far     float64 // difference of the wrong answer
	cores   int
	r       *rand.Rand
	started []string
	alive   map[string]bool
	weak    bool
}

func newMachine(noise float64) *machine {
	return &machine{noise: noise, cores: 64, r: rand.New(rand.NewPCG(1, 1)), alive: map[string]bool{}}
}

// ideal is the time by Amdahl's law with 5 % serial work, 1 s on one rank.
func ideal(p int) float64 { return 0.05 + 0.95/float64(p) }

func (m *machine) Launch(_ context.Context, p Point) (Run, error) {
	m.started = append(m.started, p.label())
	if p.Ranks == m.broken {
		return Run{}, errors.New("exit status 1: rank 3: no memory")
	}
	t := ideal(p.Ranks) * (1 + m.noise*m.r.ExpFloat64())
	if p.Copies > 1 {
		t *= 1.25
	}
	if m.weak {
		t = 1 + 0.1*math.Log2(float64(p.Ranks))
	}
	answer := fmt.Sprintf("%d-%d", p.Ranks, len(m.started))
	m.alive[answer] = true
	run := Run{Seconds: t, Total: t + 0.5, Iterations: 10, Answer: answer, Phases: []Phase{{"read", 0.25}, {"solve", t}}}
	for r := range p.Ranks {
		wait := 0.1 * t
		if r == 0 {
			wait = 0.05 * t
		}
		run.Accounts = append(run.Accounts, Account{
			Seconds: t, CPU: 0.9*t - wait, Exchange: wait / 2, Reduce: wait / 2, Messages: 7, BytesSent: 1000, Owned: 100 / float64(p.Ranks), Halo: 4, Before: 3, MemoryMB: 50 + float64(r),
		})
	}
	return run, nil
}

func (m *machine) Compare(answer, reference string) (float64, error) {
	if !m.alive[answer] || !m.alive[reference] {
		return 0, fmt.Errorf("%s or %s is gone", answer, reference)
	}
	if strings.HasPrefix(answer, fmt.Sprint(m.wrong, "-")) {
		return m.far, nil
	}
	return 1e-9, nil
}

func (m *machine) Discard(answer string) error {
	delete(m.alive, answer)
	return nil
}

func strong(counts ...int) Study {
	s := Study{Kind: Strong, Title: "made up", Job: "tikhonov", Cores: 4, Seed: 3}
	for _, n := range counts {
		s.Points = append(s.Points, Point{Ranks: n, Work: 1})
	}
	return s
}

func run(t *testing.T, s Study, m *machine) (Summary, []Record) {
	t.Helper()
	var records []Record
	if err := s.Run(context.Background(), m, Observer{Keep: func(r Record) error { records = append(records, r); return nil }}); err != nil {
		t.Fatal(err)
	}
	if len(m.alive) > 0 {
		t.Errorf("answers left behind: %v", m.alive)
	}
	return Summarise(s, records), records
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s: %g, want %g", what, got, want)
	}
}

func TestStrong(t *testing.T) {
	s := strong(1, 2, 4, 8)
	s.Serial = []Point{{Name: "other", Ranks: 1, Work: 1}}
	s.Controls = []Point{{Ranks: 1, Copies: 2, Work: 1}}
	s.Project = []Target{{64, Link{"net", 1e-3, 1e6}}}
	sum, records := run(t, s, newMachine(0))
	if len(sum.Rows) != 4 || len(sum.Serial) != 1 || len(sum.Projected) != 1 || sum.Wrong != 0 {
		t.Fatalf("%d rows, %d serial, %d projected, %d wrong", len(sum.Rows), len(sum.Serial), len(sum.Projected), sum.Wrong)
	}
	for i, p := range []int{1, 2, 4, 8} {
		row := &sum.Rows[i]
		near(t, "time", row.Median, ideal(p), 1e-12)
		near(t, "speed-up", row.SpeedUp, 1/ideal(p), 1e-12)
		near(t, "efficiency", row.Efficiency, row.SpeedUp/float64(p), 1e-12)
		near(t, "iteration efficiency", row.IterationEfficiency, 1, 1e-12)
		near(t, "parallel", row.ParallelEfficiency, row.LoadBalance*row.CommunicationEfficiency, 1e-12)
		near(t, "global", row.GlobalEfficiency, row.ParallelEfficiency*row.ComputationScaling, 1e-12)
		near(t, "scale-up", row.ScaleUp, row.Efficiency*row.Median/row.TLoc, 1e-9)
		if row.Runs < 6 || row.Runs > 7 || row.Stopped != "interval" || row.IdentityError > 1e-9 || row.Messages != int64(7*p) || row.Bytes != int64(1000*p) {
			t.Errorf("%d ranks: %+v", p, row)
		}
		if row.Oversubscribed != (p > 4) || row.FromCPU != (p > 4) {
			t.Errorf("%d ranks on 4 cores: oversubscribed %v", p, row.Oversubscribed)
		}
		compute := 0.9 * ideal(p)
		if p > 4 {
			compute = 0.8 * ideal(p)
		}
		near(t, "compute of rank 1", row.Compute[len(row.Compute)-1], map[bool]float64{true: compute, false: 0.95 * ideal(1)}[p > 1], 1e-12)
		near(t, "halo / owned", row.HaloOverOwned, 4*float64(p)/100, 1e-12)
		near(t, "memory", row.MemoryMB, 50+float64(p-1), 1e-12)
	}
	q := sum.Projected[0]
	near(t, "projected", q.Seconds, 0.85*ideal(8)/8+(7e-3+1e-3)*2, 1e-9)
	near(t, "control", sum.Rows[1].IndependentEfficiency, 1/1.25, 1e-12)
	near(t, "relative to independent runs", sum.Rows[1].RelativeToIndependent, sum.Rows[1].Efficiency*1.25, 1e-12)
	if !math.IsNaN(sum.Rows[2].IndependentEfficiency) {
		t.Errorf("a control of 4 ranks that was not run: %g", sum.Rows[2].IndependentEfficiency)
	}
	warm, reference := 0, 0
	for _, r := range records {
		if r.Repetition == 0 {
			warm++
		}
		if r.Reference {
			reference++
		}
	}
	if warm != 6 || reference != 1 {
		t.Errorf("%d warm-ups, %d references", warm, reference)
	}
}

// Runs with noisy times are repeated until the median is known, in random order.
func TestRepetitions(t *testing.T) {
	m := newMachine(0.4)
	sum, records := run(t, strong(1, 2, 4), m)
	for i := range sum.Rows {
		row := &sum.Rows[i]
		if row.Stopped == "interval" && (row.High-row.Median > 0.05*row.Median || row.Median-row.Low > 0.05*row.Median) {
			t.Errorf("%d ranks: stopped with %g within %g to %g", row.Ranks, row.Median, row.Low, row.High)
		}
		if row.Runs > 30 || row.Runs < 6 {
			t.Errorf("%d ranks: %d runs", row.Ranks, row.Runs)
		}
	}
	var order []int
	for _, r := range records {
		if r.Repetition > 0 {
			order = append(order, r.Point.Ranks)
		}
	}
	rounds := map[string]bool{}
	for i := range 6 {
		rounds[fmt.Sprint(order[3*i:3*i+3])] = true
	}
	if len(rounds) < 2 {
		t.Errorf("every round has the same order: %v", order[:18])
	}
}

// A point that fails or gives a wrong answer has no time; the others have.
func TestWrongAnswers(t *testing.T) {
	m := newMachine(0)
	m.wrong, m.far, m.broken = 2, 0.5, 4
	sum, _ := run(t, strong(1, 2, 4, 8), m)
	if sum.Wrong != 2 || sum.Rows[1].Runs != 0 || sum.Rows[1].Failed != 1 || !math.IsNaN(sum.Rows[1].Median) || sum.Rows[2].Runs != 0 || sum.Rows[3].Runs == 0 {
		t.Errorf("%d wrong; %+v", sum.Wrong, sum.Rows[1])
	}
	for _, far := range []float64{math.NaN(), math.Inf(1)} {
		m := newMachine(0)
		m.wrong, m.far = 2, far
		sum, records := run(t, strong(1, 2), m)
		if _, err := json.Marshal(records); err != nil || sum.Wrong != 1 || sum.Rows[1].Runs != 0 {
			t.Errorf("an answer off by %g: %d wrong, %v", far, sum.Wrong, err)
		}
	}
	m = newMachine(0)
	m.broken = 1
	s := strong(1, 2)
	if err := s.Run(context.Background(), m, Observer{}); err == nil {
		t.Error("a study without a reference has no error")
	}
}

// In weak scaling each problem is compared with itself on one rank.
func TestWeak(t *testing.T) {
	s := strong(1, 4, 16)
	s.Kind = Weak
	for i := range s.Points {
		p := &s.Points[i]
		p.Work, p.Size, p.Sets = float64(p.Ranks), fmt.Sprint("n=", p.Ranks), []string{fmt.Sprint("n=", p.Ranks)}
	}
	m := newMachine(0)
	m.weak = true
	sum, records := run(t, s, m)
	for i := range sum.Rows {
		row := &sum.Rows[i]
		want := 1 / (1 + 0.1*math.Log2(float64(row.Ranks)))
		near(t, "weak efficiency", row.Efficiency, want, 1e-12)
		near(t, "scaled speed-up", row.SpeedUp, want*float64(row.Ranks), 1e-12)
		if row.IdentityError > 1e-9 || math.IsNaN(row.ScaleUp) {
			t.Errorf("%d ranks: scale-up %g, identity off by %g", row.Ranks, row.ScaleUp, row.IdentityError)
		}
	}
	references := 0
	for _, r := range records {
		if r.Reference {
			references++
		}
	}
	if references != 3 {
		t.Errorf("%d references for three problems", references)
	}
}

func TestBudget(t *testing.T) {
	s := strong(1, 2)
	s.Budget = time.Nanosecond
	sum, _ := run(t, s, newMachine(0))
	if sum.Rows[0].Runs != 1 || sum.Rows[1].Runs != 0 {
		t.Errorf("%d and %d runs beyond the budget, want one of one rank", sum.Rows[0].Runs, sum.Rows[1].Runs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := strong(1, 2).Run(ctx, newMachine(0), Observer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled study: %v", err)
	}
	for want, change := range map[string]func(*Study){
		"rising":    func(s *Study) { s.Points[1].Ranks = 1 },
		"kind":      func(s *Study) { s.Kind = "odd" },
		"no points": func(s *Study) { s.Points = nil },
		"work":      func(s *Study) { s.Points[0].Work = 0 },
		"runs":      func(s *Study) { s.Least, s.Most = 9, 8 },
	} {
		s := strong(1, 2)
		change(&s)
		if err := s.Run(context.Background(), newMachine(0), Observer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The interval contains the median of the distribution at least 95 times in 100.
func TestMedian(t *testing.T) {
	for _, c := range []struct {
		n, k int // the k-th smallest and largest; 0 = none
	}{{1, 0}, {5, 0}, {6, 1}, {8, 1}, {9, 2}, {10, 2}, {15, 4}, {30, 10}} {
		var x []float64
		for i := range c.n {
			x = append(x, float64((i*7)%c.n)) // 0 .. n-1 in some order, where 7 does not divide n
		}
		median, low, high := Median(x)
		near(t, "median", median+1, float64(c.n-1)/2+1, 1e-12)
		if c.k == 0 != math.IsNaN(low) || c.k > 0 && (low != float64(c.k-1) || high != float64(c.n-c.k)) {
			t.Errorf("%d times: %g to %g, want the %d-th ones", c.n, low, high, c.k)
		}
	}
	r := rand.New(rand.NewPCG(2, 2))
	inside, trials := 0, 4000
	for range trials {
		x := make([]float64, 12)
		for i := range x {
			x[i] = r.ExpFloat64()
		}
		if _, low, high := Median(x); low <= math.Ln2 && math.Ln2 <= high {
			inside++
		}
	}
	if share := float64(inside) / float64(trials); share < 0.95 {
		t.Errorf("the interval contains the median in %.1f %% of the trials", 100*share)
	}
	if m, _, _ := Median(nil); !math.IsNaN(m) {
		t.Errorf("median of nothing is %g", m)
	}
}
