//go:build !native || !cgo

package wavelet

import "tessera/internal/linalg"

func forward[T linalg.Float](s shape, work, bands, x []T) { forwardPlain(s, work, bands, x) }
func adjoint[T linalg.Float](s shape, work, x, bands []T) { adjointPlain(s, work, x, bands) }
