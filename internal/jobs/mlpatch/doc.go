// Package mlpatch holds the jobs of local neural fields (package mlpatch): "mlpatch-train" learns a denoiser
// from true pictures, "mlpatch-denoise" takes noise out of a frame with such a model and, beside it, by total
// variation, and "mlpatch-admm" restores a blurred or incomplete frame with a denoiser in the place of a penalty.
// docs/jobs describes the jobs with their keys.
package mlpatch
