// Package simulate makes data whose truth is known: a deep-sky frame, with the noise
// and dead pixels of the camera that saw it; scattered observations; a survey of
// galaxy stamps, each behind a point spread function of its own.
//
// Every rank renders its own box and nothing else. The value of a pixel depends on
// the seed and on the pixel's place in the frame, never on the box asked for or on
// who asks: objects are added in the order of their index, each drawn from its own
// stream (seed, index), and noise is a function of (seed, channel, pixel index). So
// the frame has the same bytes however it is divided.
//
// A galaxy is a Sersic profile on ellipses of axis ratio q,
//
//	I(r) = I_e exp(-b ((r/r_e)^(1/n) - 1)),   r^2 = x'^2 + (y'/q)^2
//
// with half its light inside r_e, brought smoothly to 0 between 7 and 8 r_e and
// integrated over pixels near its centre. Cost: about 5 ns a pixel inside 8 r_e;
// 1024 x 1024 x 3 with 655 galaxies in about 0.2 s on one core.
//
// Sources: Sersic 1968 for the profile; Ciotti and Bertin 1999, A&A 352, 447 for b;
// Steele, Lea and Flood 2014, OOPSLA, for the generator (SplitMix64).
package simulate
