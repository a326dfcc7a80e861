package scaling

import (
	"cmp"
	"math"
	"slices"
)

// Summarise computes rows, efficiencies and projections of a study from its runs.
func Summarise(s Study, records []Record) Summary {
	s = s.withDefaults()
	sum := Summary{Study: s, Published: publishedFor(&s)}
	counted, disturbed := 0.0, 0.0
	for i, r := range records {
		if i == 0 || r.Began.Before(sum.Began) {
			sum.Began = r.Began
		}
		if end := r.Began.Sub(sum.Began).Seconds() + r.Total; end > sum.Seconds {
			sum.Seconds = end
		}
		if r.Failed != "" {
			sum.Wrong++
		}
		sum.LargestLoad = max(sum.LargestLoad, r.Load)
		if r.Repetition > 0 {
			counted++
			if sum.Others = max(sum.Others, r.Others); r.Others > othersAllowed {
				disturbed++
			}
		}
	}
	if counted > 0 {
		sum.Disturbed = disturbed / counted
	}
	for _, p := range s.Serial {
		sum.Serial = append(sum.Serial, rowOf(&s, p, records))
	}
	for _, p := range s.Points {
		sum.Rows = append(sum.Rows, rowOf(&s, p, records))
	}
	if len(sum.Rows) > 0 {
		for i := range sum.Rows {
			sum.Rows[i].relate(&sum.Rows[0], alone(sum.Rows[i].Point, records, &sum.Rows[0]))
		}
		for i := range sum.Serial {
			sum.Serial[i].relate(&sum.Rows[0], math.NaN())
		}
		for _, p := range s.Controls {
			if runs := rowOf(&s, p, records); runs.Runs > 0 {
				sum.control(p.Copies, &runs)
			}
		}
		sum.project(records)
	}
	return sum
}

// control sets the efficiency of independent one-rank runs in the row with as many ranks.
func (sum *Summary) control(copies int, runs *Row) {
	base := &sum.Rows[0]
	for i := range sum.Rows {
		if row := &sum.Rows[i]; row.Ranks == copies*base.Ranks && base.Ranks == 1 {
			row.IndependentEfficiency = base.Median / runs.Median
			row.RelativeToIndependent = row.Efficiency / row.IndependentEfficiency
		}
	}
}

// is tells whether a run belongs to this point.
func (p Point) is(r *Record) bool {
	q := &r.Point
	return q.Name == p.Name && q.Ranks == p.Ranks && q.Copies == p.Copies && q.problem() == p.problem()
}

// counted are the runs of a point whose times count.
func counted(p Point, records []Record) []Record {
	var list []Record
	for _, r := range records {
		if p.is(&r) && r.Repetition > 0 && r.Failed == "" {
			list = append(list, r)
		}
	}
	return list
}

// alone is the time of a point's problem on one rank: the median of the one-rank point
// where that is the same problem, the reference run otherwise.
func alone(p Point, records []Record, first *Row) float64 {
	if first.Ranks == 1 && first.problem() == p.problem() {
		return first.Median
	}
	for _, r := range records {
		if r.Reference && r.Failed == "" && r.Point.problem() == p.problem() {
			return r.Seconds
		}
	}
	return math.NaN()
}

// rowOf is the part of a row that follows from the runs of its own point.
func rowOf(s *Study, p Point, records []Record) Row {
	nan := math.NaN()
	row := Row{
		Point: p, Oversubscribed: s.Cores > 0 && p.Ranks > s.Cores, Median: nan, Low: nan, High: nan, Total: nan,
		SpeedUp: nan, Efficiency: nan, IterationEfficiency: nan, PerIterationEfficiency: nan, SpeedUpLow: nan, SpeedUpHigh: nan,
		LoadBalance: nan, CommunicationEfficiency: nan, ParallelEfficiency: nan, ComputationScaling: nan, GlobalEfficiency: nan,
		CommunicationShare: nan, MemoryMB: nan, HaloOverOwned: nan, TLoc: nan, ScaleUp: nan, IdentityError: nan, Modelled: nan, ModelledOverMeasured: nan,
		ExchangeOverCompute: nan, ModelledCommunication: nan, IndependentEfficiency: nan, RelativeToIndependent: nan,
	}
	for _, r := range records {
		if p.is(&r) && r.Failed != "" {
			row.Failed++
		}
	}
	runs := counted(p, records)
	if len(runs) == 0 {
		return row
	}
	var times, totals []float64
	row.FirstRun = runs[0].Began
	for _, r := range runs {
		times, totals = append(times, r.Seconds), append(totals, r.Total)
		row.Difference = max(row.Difference, r.Difference)
		row.LargestLoad = max(row.LargestLoad, r.Load)
	}
	row.Runs = len(runs)
	row.Stopped = cmp.Or((&measurement{times: times}).stopped(s), "budget")
	row.Median, row.Low, row.High = Median(times)
	row.Total, _, _ = Median(totals)
	row.phases(runs)
	typical := slices.MinFunc(runs, func(a, b Record) int {
		return cmp.Compare(math.Abs(a.Seconds-row.Median), math.Abs(b.Seconds-row.Median))
	})
	row.Iterations = typical.Iterations
	row.account(s, &typical)
	return row
}

// phases sets the median of each phase and, as "other", what they leave of the whole run.
func (row *Row) phases(runs []Record) {
	left := row.Total
	for i, p := range runs[0].Phases {
		var t []float64
		for _, r := range runs {
			if i < len(r.Phases) && r.Phases[i].Name == p.Name {
				t = append(t, r.Phases[i].Seconds)
			}
		}
		m, _, _ := Median(t)
		row.Phases = append(row.Phases, Phase{p.Name, m})
		left -= m
	}
	row.Phases = append(row.Phases, Phase{"other", max(0, left)})
}

// account sets what follows from the ranks' accounts in the run closest to the median.
func (row *Row) account(s *Study, run *Record) {
	if len(run.Accounts) == 0 {
		return
	}
	var wall, waiting, owned, halo, talk, most, sum float64
	row.MemoryMB = 0
	for _, a := range run.Accounts {
		compute := a.Seconds - a.Exchange - a.Reduce
		if row.Oversubscribed {
			compute = a.CPU
		}
		row.Compute = append(row.Compute, compute)
		row.Owned, row.Before = append(row.Owned, a.Owned), append(row.Before, a.Before)
		row.Messages += a.Messages
		row.Bytes += a.BytesSent
		row.MemoryMB = max(row.MemoryMB, a.MemoryMB)
		wall += a.Seconds
		waiting += a.Exchange + a.Reduce
		owned += a.Owned
		halo += a.Halo
		talk += a.Exchange
		sum += compute
		most = max(most, compute)
	}
	n := float64(len(run.Accounts))
	if row.N == 0 {
		row.N = owned
	}
	row.FromCPU = row.Oversubscribed
	row.CommunicationShare = waiting / wall
	row.HaloOverOwned = halo / owned
	row.ExchangeOverCompute = talk / sum
	row.LoadBalance = sum / n / most
	row.CommunicationEfficiency = most / run.Seconds
	row.ParallelEfficiency = row.LoadBalance * row.CommunicationEfficiency
	row.TLoc = most / float64(max(1, run.Iterations))
	row.Modelled, _, row.ModelledCommunication = s.Link.modelled(run.Accounts)
	row.ModelledOverMeasured = row.Modelled / row.Median
}

// relate compares a row with the first one, and with its own problem on one rank.
func (row *Row) relate(base *Row, alone float64) {
	grow := row.Work / base.Work
	p := float64(row.Ranks) / float64(base.Ranks)
	row.Efficiency = base.Median / row.Median * grow / p
	row.SpeedUp = row.Efficiency * float64(row.Ranks)
	row.SpeedUpLow = base.Low / row.High * grow * float64(base.Ranks)
	row.SpeedUpHigh = base.High / row.Low * grow * float64(base.Ranks)
	if base.Iterations > 0 && row.Iterations > 0 {
		row.IterationEfficiency = float64(base.Iterations) / float64(row.Iterations)
		row.PerIterationEfficiency = row.Efficiency / row.IterationEfficiency
	}
	var before, now float64
	for _, c := range base.Compute {
		before += c
	}
	for _, c := range row.Compute {
		now += c
	}
	row.ComputationScaling = before * grow / now
	row.GlobalEfficiency = row.ParallelEfficiency * row.ComputationScaling
	row.ScaleUp = alone / (float64(row.Ranks) * row.TLoc)
	efficiency := alone / (float64(row.Ranks) * row.Median)
	row.IdentityError = math.Abs(row.ScaleUp-efficiency*row.Median/row.TLoc) / row.ScaleUp
}

// project models the times on other machines from the runs on the largest number of ranks
// that was measured.
func (sum *Summary) project(records []Record) {
	s := &sum.Study
	for i := len(sum.Rows) - 1; i >= 0; i-- {
		row := &sum.Rows[i]
		runs := counted(row.Point, records)
		if len(runs) == 0 || len(runs[0].Accounts) == 0 {
			continue
		}
		typical := slices.MinFunc(runs, func(a, b Record) int {
			return cmp.Compare(math.Abs(a.Seconds-row.Median), math.Abs(b.Seconds-row.Median))
		})
		base := &sum.Rows[0]
		for _, t := range s.Project {
			work := 1.0
			if s.Kind == Weak {
				work = float64(t.Ranks) / float64(row.Ranks)
			}
			p := Projection{Ranks: t.Ranks, Link: t.Link, From: "the runs on " + row.label()}
			p.Seconds, p.Compute, p.Communication = t.Link.project(typical.Accounts, row.Ranks, t.Ranks, work)
			grow := work * row.Work / base.Work
			p.Efficiency = base.Median / p.Seconds * grow * float64(base.Ranks) / float64(t.Ranks)
			p.SpeedUp = p.Efficiency * float64(t.Ranks)
			sum.Projected = append(sum.Projected, p)
		}
		return
	}
}
