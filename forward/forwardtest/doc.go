// Package forwardtest tests a forward.Operator, of this module or of anybody's, in one
// call. For every border it is given and on 1, 2, 3, 4 and 7 in-process ranks it checks
// that
//
//   - <A x, y> = <x, A'y> to 1e-13 of ||A x|| ||y|| or ||x|| ||A'y||;
//   - A and A' are linear;
//   - every call overwrites all of dst, leaves src as it is, and gives the same bits when
//     it is repeated;
//   - the result is that of 1 rank: to the bit where Case.SameBits says so, else to
//     Case.Tolerance;
//   - dst or src of a wrong length is an error that names the length;
//   - NormBound, where there is one, is the same on all ranks and not below the norm by
//     power iteration; and the norm does not depend on the number of ranks where the
//     operator is Framed.
//
// # Use
//
//	func TestBlur(t *testing.T) {
//		forwardtest.Run(t, forwardtest.Case{
//			Name:    "blur",
//			Borders: []halo.Border{halo.Zero, halo.Reflect, halo.Periodic},
//			Build: func(comm ranks.Comm, border halo.Border) (*forwardtest.Built, error) {
//				frame, err := halo.Decompose([]int{20, 17}, comm.Size())
//				if err != nil {
//					return nil, err
//				}
//				blur, err := forward.NewBlur(comm, frame, 2, psf, border)
//				image := forwardtest.Layout{Frame: frame, Planes: 2}
//				return &forwardtest.Built{Operator: blur, X: []forwardtest.Layout{image}, Y: []forwardtest.Layout{image}}, err
//			},
//		})
//	}
//
// Cost: for each border and number of ranks about ten Apply and Adjoint, and a power
// iteration of 10 steps. A frame of some hundred pixels is enough; it must have pixels
// for 7 ranks.
package forwardtest
