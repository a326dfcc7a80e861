package loadbalance_test

import (
	"context"
	"fmt"

	"tessera/loadbalance"
	"tessera/ranks"
)

// Twelve points lie on the axis from 0 to 1, most of them near 0. The cells of three
// ranks have the same length at first; afterwards each holds four points.
func ExampleRebalance() {
	x := []float64{.02, .05, .08, .11, .14, .17, .2, .25, .3, .45, .7, .9}
	held := make([][]float64, 3) // coordinates by rank
	var report *loadbalance.Report
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(_ context.Context, comm ranks.Comm) error {
		pts := &loadbalance.Points{Dim: 1}
		for i := comm.Rank(); i < len(x); i += comm.Size() { // any division will do
			pts.X = append(pts.X, x[i])
			pts.ID = append(pts.ID, int64(i))
		}
		cells, err := loadbalance.Strips([]float64{0}, []float64{1}, comm.Size())
		if err != nil {
			return err
		}
		if pts, err = loadbalance.Distribute(comm, cells, pts); err != nil {
			return err
		}
		_, pts, r, err := loadbalance.Rebalance(comm, cells, pts, loadbalance.Options{})
		if err != nil {
			return err
		}
		held[comm.Rank()] = pts.X
		if comm.Rank() == 0 {
			report = r
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Before, "->", report.After)
	fmt.Printf("E %.2f -> %.2f, %d points moved\n", report.EBefore, report.E, report.Moved)
	for rank, x := range held {
		fmt.Println("rank", rank, x)
	}
	// Output:
	// [9 1 2] -> [4 4 4]
	// E 0.11 -> 1.00, 6 points moved
	// rank 0 [0.02 0.05 0.08 0.11]
	// rank 1 [0.14 0.17 0.2 0.25]
	// rank 2 [0.3 0.45 0.7 0.9]
}

// ExampleScheduleRank balances the loads of three ranks in a row: rank 0 sends 4 items
// to rank 1, which passes 2 on to rank 2.
func ExampleScheduleRank() {
	loads := []int64{10, 4, 4}
	flows := make([][]int64, 3) // by rank, one for each neighbour
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(_ context.Context, comm ranks.Comm) error {
		flow, err := loadbalance.ScheduleRank(comm, loadbalance.Chain(3), loads[comm.Rank()])
		flows[comm.Rank()] = flow
		return err
	})
	fmt.Println(flows, err)
	// Output:
	// [[4] [-4 2] [-2]] <nil>
}
