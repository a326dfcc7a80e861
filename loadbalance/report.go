package loadbalance

// Report is what a rebalancing did; the same on every rank.
type Report struct {
	Before, Repaired, After []float64 // load of each rank: counts, or costs
	EBefore, E              float64   // min / max of Before, of After
	Best                    float64   // the best E there is: floor/ceil for counts, 0 = unknown for costs
	Moved                   int64     // points that changed their owner
	Norm                    float64   // Euclidean norm of the flows over all edges of the graph
	Rounds                  int       // of store-and-forward that the flow would take hop by hop
	Bytes                   int64     // sent by all ranks
	RepairSeconds           float64   // T_r, max over ranks
	Seconds                 float64   // T_DyDD, with the migration, max over ranks
}
