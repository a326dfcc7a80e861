package checkpoint

// Snapshot is the state of a solver during its iteration. To save it, a solver sets all
// fields but Records, and the caller writes the records of this rank. To continue from it,
// possibly on another number of ranks, the caller sets Meta and Records, and each rank of
// the solver reads the records that it needs.
type Snapshot struct {
	Meta []byte // data that is the same on all ranks

	IDs         []int                      // numbers of this rank's records, unique over all ranks
	RecordBytes int                        // length of each record
	Fill        func(i int, record []byte) // writes the record of IDs[i] into record

	// Records calls use with the record of each number in ids, in any order.
	Records func(ids []int, use func(id int, record []byte) error) error
}
