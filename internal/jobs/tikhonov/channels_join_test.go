package tikhonov

import (
	"testing"

	"tessera/krylov"
	"tessera/tikhonov/image"
)

// What a frame of several channels says of its method belongs to one channel, the one with
// the most iterations.
func TestJoinedMethod(t *testing.T) {
	channels := []*image.Result{
		{Method: krylov.RASGMRES, Iterations: 7, Converged: true},
		{Method: krylov.ASCG, Fallback: "ras-gmres: iteration limit after 60 iterations", Local: image.LocalTile, Iterations: 297, Converged: true},
		{Method: krylov.RASGMRES, Local: image.LocalBox, Iterations: 9, Converged: true},
	}
	all := &image.Result{Converged: true}
	for _, r := range channels {
		join(all, r)
	}
	if want := channels[1]; all.Method != want.Method || all.Fallback != want.Fallback || all.Local != want.Local || all.Iterations != want.Iterations {
		t.Errorf("%s after %q, %s, %d iterations", all.Method, all.Fallback, all.Local, all.Iterations)
	}
}
