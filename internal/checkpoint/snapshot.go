package checkpoint

// Snapshot is a solve in the middle, as a solver hands it to whoever keeps it and gets
// it back. To continue, Meta comes back to every rank and Records finds what a rank
// asks for among the records that all ranks kept, however many there were.
type Snapshot struct {
	Meta []byte // the same on all ranks

	IDs         []int // to keep: numbers of this rank's records in the whole set
	RecordBytes int
	Fill        func(i int, record []byte) // writes the record of IDs[i]

	// To continue: calls use with the record of each number asked for, in any order.
	Records func(ids []int, use func(id int, record []byte) error) error
}
