// Package tppa holds the jobs "tppa-train" and "tppa": the first learns the functions and steps of package
// tppa from pairs of true pictures and what is seen of them, the second restores a frame with such
// a model and, beside it, by total variation. It also writes the pairs of simulated cells of
// "tessera simulate cells". docs/jobs describes both jobs with their keys.
package tppa
