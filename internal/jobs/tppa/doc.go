// Package tppa holds what concerns the learned form of total variation restoration and needs
// files: pairs of simulated pictures of cells. Package tppa is the method.
package tppa
