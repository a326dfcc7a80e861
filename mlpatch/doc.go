// Package mlpatch has local neural fields: the answer at a pixel is a small network of a patch of
// the image around it. The same network and the same patch serve every pixel, so that the answer moves
// with the image, and a network that was trained on small pictures is applied to frames of any size.
//
// # Model
//
// With planes x_c (the noisy image; or several maps of the same sky), points p of a patch at the
// offsets d_p (row and column, pixels; whole or not), and levels s (numbers of the pixel itself, such
// as the standard deviation of its noise), the answer at pixel n is
//
//	z = [x_c(n + d_p) for all p, c; s(n)],    h_1 = relu(W_1 [z; 1]),  ...,  y(n) = W_L [h_(L-1); 1]
//
// or x_0(n) + s_0(n) y(n) for a residual network, s_0 = 1 where there is no level: without noise a denoiser then
// is the identity. Values between pixels are Keys' cubic convolution with a = -1/2.
// A geometry is a square, circles, or a square with rings; its offsets and one factor of them
// all may be learned. With chunks the points are cut into parts, each with layers of its own whose
// features a last network mixes.
//
// # Use
//
//	n := &mlpatch.Network{Planes: 1, Levels: 1, Geometry: mlpatch.Geometry{Kind: mlpatch.Square, Side: 9}, Hidden: []int{64, 64}, Chunks: 1, Residual: true}
//	t := &mlpatch.Training{Net: n, Loss: mlpatch.L2, Side: 16, Batch: 16, Draw: pictures.Draw}
//	result, err := t.Train(ctx, comm, n.Start(seed), &mlpatch.Curve{}, train.Options{Steps: 2000, Cosine: true})
//	f, err := mlpatch.NewField(comm, n, result.Theta, frame, halo.Reflect, 4)
//	err = f.Apply(y, x, []float64{sigma})
//
// # Training
//
// Training is data-parallel: a batch is a number of blocks of neighbouring pixels which depend on the
// seed, the step and their place in the batch alone, and each rank computes a contiguous range of
// them in float32. The gradients are added up in float64, once a step, in an order that does not depend on the
// number of ranks: every number of ranks gives the same bits. Gradients are exact, those by the
// offsets and their factor too.
//
// # Inference
//
// Field.Apply sends one exchange as wide as the patch reaches, and then computes 128 pixels at
// a time. Each pixel takes the same products whatever tile it is in: the bits depend neither on the
// number of ranks nor on the place in the frame, and an image moved by whole pixels gives the answer
// moved by as many. A pixel takes 2 x parameters operations. The mean over symmetries of the square takes as many for
// each, but for the first layer, which all reflections share: see Network.MeanOperations.
//
// # Between pixels
//
// Upscaler answers at places between the pixels, those of a finer grid at any real scale; Shrunk are the blocks from which
// a network learns that. Every pixel of a block then has a place of its own, at which the patch is sampled.
//
// # Limits
//
// A network is for images like those of its training, in the same unit and at the same pixel scale.
// Seen compares the values and differences of an answer with those of the training set.
//
// Sources: Khorashadizadeh, Debarnot, Liu and Dokmanic, "Glimpse", arXiv 2401.00816; Khorashadizadeh, Liaudat,
// Liu, McEwen and Dokmanic, "LoFi", arXiv 2411.04995; Keys, IEEE Trans. Acoust. Speech Signal Process. 29
// (1981) 1153; Kingma and Ba, Adam, ICLR 2015.
package mlpatch
