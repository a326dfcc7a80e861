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
// (Seed, step): an epoch is a permutation of all items by global index. The losses and gradients
// of the items of a batch are added up in a binary tree over their places in it, by one message a step
// from each rank to the next and one broadcast; the word that a rank has failed, or was told to
// stop, goes with them. The tree does not depend on the ranks: where the gradient of an item has the
// same bits on every rank, so has the result on any number of them. Agreement to rounding
// would not do, as hundreds of steps of Adam make differences of 1e-16 visible. A step allocates
// nothing of the size of the parameters. All ranks hold the parameters and the state of the optimiser,
// which are the same on all.
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
