// Package train minimises the mean loss of a model over items that are spread over ranks,
//
//	E(theta) = 1/B sum over the items i of a batch of loss_i(theta),
//
// by Adam or by Nesterov's accelerated gradient. It knows neither the model nor the items:
// the caller gives the loss and the gradient of one item.
//
// # Use
//
//	r, err := train.Run(ctx, comm, &train.Problem{Start: theta, Items: count, Gradient: gradient},
//		train.Options{Method: train.Adam, Steps: 120})
//
// Item i is owned by one rank, in contiguous ranges (halo.Split). A batch is a function of
// (Seed, step): an epoch is a permutation of all items by global index. Each rank adds up the
// losses and gradients of its items of the batch in order, and one Allreduce a step
// adds these up in the order of the ranks; the word that a rank has failed, or was told to stop, goes
// with it. A step allocates nothing of the size of the parameters. So a run has the same bits every time on one number
// of ranks, and agrees to rounding on others. All ranks hold the parameters and the state of
// the optimiser, which are the same on all.
//
// # Files
//
// A model file is an npz archive with named arrays and the member "header": JSON text, one
// byte a number, with format, version, kind and the caller's description; see Model.
//
// # Errors
//
// Run is collective. An error of one item is an error of all ranks. Once ctx is cancelled on
// one rank all ranks stop after the same step: Result and State are there beside the error.
//
// Sources: Kingma and Ba, Adam, ICLR 2015; Nesterov, Soviet Math. Dokl. 27 (1983) 372.
package train
