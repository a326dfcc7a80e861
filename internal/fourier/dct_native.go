//go:build native && cgo

package fourier

// #include <fftw3.h>
import "C"

import (
	"fmt"
	"runtime"
)

// cosineTransform computes in place, along both axes of data,
//
//	type2  X(k) = 2 sum_i x(i) cos(pi (i+1/2) k / n)
//	type3  x(i) = X(0) + 2 sum_k>0 X(k) cos(pi (i+1/2) k / n)
type cosineTransform struct {
	plans *cosinePlans
	data  []float64 // rows x cols
}

type cosinePlans struct{ two, three C.fftw_plan }

func newCosineTransform(rows, cols int) cosineTransform {
	t := cosineTransform{plans: new(cosinePlans), data: alignedReal(rows * cols)}
	x, r, c := real0(t.data), C.int(rows), C.int(cols)

	planner.Lock()
	defer planner.Unlock()
	C.fftw_forget_wisdom()
	p := cosinePlans{
		two:   C.fftw_plan_r2r_2d(r, c, x, x, C.FFTW_REDFT10, C.FFTW_REDFT10, C.FFTW_ESTIMATE),
		three: C.fftw_plan_r2r_2d(r, c, x, x, C.FFTW_REDFT01, C.FFTW_REDFT01, C.FFTW_ESTIMATE),
	}
	if p.two == nil || p.three == nil {
		panic(fmt.Sprintf("fourier: FFTW has no cosine plan for %d x %d", rows, cols))
	}
	*t.plans = p
	runtime.AddCleanup(t.plans, func(p cosinePlans) {
		planner.Lock()
		defer planner.Unlock()
		C.fftw_destroy_plan(p.two)
		C.fftw_destroy_plan(p.three)
	}, p)
	return t
}

func (t *cosineTransform) clone() cosineTransform {
	return cosineTransform{plans: t.plans, data: alignedReal(len(t.data))}
}

func (t *cosineTransform) type2() { t.execute(t.plans.two) }

func (t *cosineTransform) type3() { t.execute(t.plans.three) }

func (t *cosineTransform) execute(p C.fftw_plan) {
	C.fftw_execute_r2r(p, real0(t.data), real0(t.data))
	runtime.KeepAlive(t.plans)
}
