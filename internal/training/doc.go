// Package training is what the jobs that learn from true pictures share: the sections of
// their config, the pictures, the checkpoints of the optimiser, metrics.json and the files
// of the result. What is learned, and how, is theirs.
//
// # Use
//
//	r := &training.Run{Run: base, Kind: "tppa-train", Every: c.Checkpoint.Every, Metrics: &m.Metrics}
//	from, err := r.Begin(digest, nil)
//	o := r.Options(train.Options{Steps: 120, From: from}, 1)
//	result, err := r.Learn(items, func() (*train.Result, error) { return model.Train(ctx, comm, start, o) })
//	err = r.Write(training.Result{...})
//
// All methods of Run are collective; their errors are the same on all ranks.
package training
