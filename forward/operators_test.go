package forward_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tessera/forward"
	"tessera/forward/forwardtest"
	"tessera/halo"
	"tessera/ranks"
)

var borders = []halo.Border{halo.Zero, halo.Reflect, halo.Periodic}

// place is where an operator of the table is built.
type place struct {
	comm     ranks.Comm
	frame    *halo.Decomposition
	channels int
	border   halo.Border
}

func (p place) layout(planes int) forwardtest.Layout {
	return forwardtest.Layout{Frame: p.frame, Planes: planes * p.channels}
}

// weights are 0 at every fifth pixel of the frame and else from 0.5 to 2.5.
func (p place) weights() forward.Weights {
	domain, owned := p.frame.Domain(), p.frame.Owned(p.comm.Rank())
	whole := make([]float64, domain.Size())
	for i := range whole {
		if i%5 != 0 {
			whole[i] = 1.5 + math.Sin(float64(i))
		}
	}
	w := make(forward.Weights, owned.Size())
	halo.CopyBox(w, owned, whole, domain, owned)
	return w
}

// lopsided is a PSF without any symmetry.
func lopsided(rows, cols int) (forward.PSF, error) {
	v := make([]float64, rows*cols)
	for i := range v {
		v[i] = math.Exp(-float64(i%cols)/3) * (1.2 + math.Cos(float64(3*i)))
	}
	return forward.NewPSF(rows, cols, v)
}

// entry is one operator of the table: how an exported constructor is used, on which
// frames, and how many planes y has for each channel of x.
type entry struct {
	constructor, variant string
	shapes               [][]int
	noBorder, sameBits   bool
	build                func(p place) (forward.Operator, error)
	y                    func(axes int) []int // nil: one plane
}

// built is the operator with the layouts of x and y.
func (e *entry) built(p place) (*forwardtest.Built, error) {
	op, err := e.build(p)
	if err != nil {
		return nil, err
	}
	planes := []int{1}
	if e.y != nil {
		planes = e.y(len(p.frame.Domain().Lo))
	}
	built := &forwardtest.Built{Operator: op, X: []forwardtest.Layout{p.layout(1)}}
	for _, n := range planes {
		built.Y = append(built.Y, p.layout(n))
	}
	return built, nil
}

var (
	someImages = [][]int{{13, 17}, {1, 23}, {5, 9}}
	anyAxes    = [][]int{{13, 17}, {23, 1}, {29}, {5, 6, 7}, {1, 2, 9}}
	large      = [][]int{{21, 26}}
)

// blurred builds a blur with a PSF that is made first.
func blurred(psf forward.PSF, err error) func(p place) (forward.Operator, error) {
	return func(p place) (forward.Operator, error) {
		if err != nil {
			return nil, err
		}
		return forward.NewBlur(p.comm, p.frame, p.channels, psf, p.border)
	}
}

// varied builds a blur whose PSF changes over the frame.
func varied(model func(rows, cols int) *forward.VaryingPSF) func(p place) (forward.Operator, error) {
	return func(p place) (forward.Operator, error) {
		shape := p.frame.Domain().Shape()
		return forward.NewVaryingBlur(p.comm, p.frame, p.channels, model(shape[0], shape[1]), p.border)
	}
}

func normal(q forward.Regulariser, weighted bool, psf forward.PSF, err error) func(p place) (forward.Operator, error) {
	return func(p place) (forward.Operator, error) {
		if err != nil {
			return nil, err
		}
		o := &forward.Problem{Frame: p.frame, Channels: p.channels, PSF: psf, Border: p.border, Regulariser: q, Lambda: 0.3}
		if weighted {
			o.Weights = p.weights()
		}
		return forward.NewNormal(p.comm, o)
	}
}

func differences(p place) (forward.Operator, error) {
	return forward.NewDifferences(p.comm, p.frame, p.channels, p.border)
}

func weighting(p place) (forward.Operator, error) {
	return forward.NewWeighting(p.comm, p.frame, p.channels, p.weights())
}

// join builds the parts and gives them to make.
func join(make func(...forward.Operator) (forward.Operator, error), parts ...func(place) (forward.Operator, error)) func(place) (forward.Operator, error) {
	return func(p place) (forward.Operator, error) {
		var ops []forward.Operator
		for _, part := range parts {
			op, err := part(p)
			if err != nil {
				return nil, err
			}
			ops = append(ops, op)
		}
		return make(ops...)
	}
}

// table has every exported constructor of an Operator at least once.
func table() []entry {
	gauss := func(size int) (forward.PSF, error) { return forward.Gaussian(size, float64(size)/5) }
	perAxis := func(axes int) []int { return []int{axes} }
	narrow, err1 := gauss(5)
	odd, err2 := lopsided(3, 5)
	wide, err3 := gauss(19)
	oddWide, err4 := lopsided(19, 21)
	blur := blurred(odd, err2)
	return []entry{
		{constructor: "NewBlur", variant: "none", shapes: someImages, sameBits: true, build: blurred(forward.PSF{}, nil)},
		{constructor: "NewBlur", variant: "narrow", shapes: someImages, build: blurred(narrow, err1)},
		{constructor: "NewBlur", variant: "narrow, asymmetric", shapes: someImages, build: blur},
		{constructor: "NewBlur", variant: "wide", shapes: large, build: blurred(wide, err3)},
		{constructor: "NewBlur", variant: "wide, asymmetric", shapes: large, build: blurred(oddWide, err4)},
		{constructor: "NewVaryingBlur", variant: "bilinear", shapes: someImages, build: varied(bilinear(2, 3, 5))},
		{constructor: "NewVaryingBlur", variant: "bilinear, many tiles", shapes: [][]int{{71, 98}}, build: varied(bilinear(3, 4, 5))},
		{constructor: "NewVaryingBlur", variant: "long tiles", shapes: [][]int{{3, 1100}}, build: varied(bilinear(1, 2, 3))},
		{constructor: "NewVaryingBlur", variant: "polynomial, unit sum", shapes: someImages, build: varied(polynomial(2, 5))},
		{constructor: "NewVaryingBlur", variant: "wide", shapes: large, build: varied(bilinear(2, 2, 19))},
		{constructor: "NewNormal", variant: "varying, weights, gradient", shapes: someImages, build: func(p place) (forward.Operator, error) {
			shape := p.frame.Domain().Shape()
			return forward.NewNormal(p.comm, &forward.Problem{Frame: p.frame, Channels: p.channels, Varying: polynomial(2, 5)(shape[0], shape[1]),
				Border: p.border, Regulariser: forward.Gradient, Lambda: 0.3, Weights: p.weights()})
		}},
		{constructor: "NewNormal", variant: "narrow, weights", shapes: someImages, build: normal(forward.Identity, true, narrow, err1)},
		{constructor: "NewNormal", variant: "narrow, laplacian", shapes: someImages, build: normal(forward.Laplacian, false, narrow, err1)},
		{constructor: "NewNormal", variant: "asymmetric, weights, gradient", shapes: someImages, build: normal(forward.Gradient, true, odd, err2)},
		{constructor: "NewNormal", variant: "wide, weights, gradient", shapes: large, build: normal(forward.Gradient, true, wide, err3)},
		{constructor: "NewNormal", variant: "wide, asymmetric, laplacian", shapes: large, build: normal(forward.Laplacian, true, oddWide, err4)},
		{constructor: "NewWeighting", shapes: anyAxes, sameBits: true, noBorder: true, build: weighting},
		{constructor: "NewWeighting", variant: "ones", shapes: anyAxes, sameBits: true, noBorder: true, build: func(p place) (forward.Operator, error) {
			return forward.NewWeighting(p.comm, p.frame, p.channels, nil)
		}},
		{constructor: "NewIdentity", shapes: anyAxes, sameBits: true, noBorder: true, build: func(p place) (forward.Operator, error) {
			return forward.NewIdentity(p.channels * p.frame.Owned(p.comm.Rank()).Size())
		}},
		{constructor: "NewDifferences", shapes: anyAxes, sameBits: true, build: differences, y: perAxis},
		{constructor: "NewHaar", shapes: anyAxes, sameBits: true, build: func(p place) (forward.Operator, error) {
			return forward.NewHaar(p.comm, p.frame, p.channels, p.border)
		}, y: func(axes int) []int { return slices.Repeat([]int{1}, 2*axes) }},
		{constructor: "NewShear", shapes: someImages, noBorder: true, build: func(p place) (forward.Operator, error) {
			return forward.NewShear(p.comm, p.frame, p.channels, nil)
		}, y: func(int) []int { return []int{1, 1} }},
		{constructor: "NewShear", variant: "with amplitudes", shapes: [][]int{{12, 10}, {9, 14}}, noBorder: true, build: func(p place) (forward.Operator, error) {
			return forward.NewShear(p.comm, p.frame, p.channels, func(k float64) float64 { return 3 / (1 + 9*k) })
		}, y: func(int) []int { return []int{1, 1} }},
		{constructor: "NewLaplacian", shapes: anyAxes, sameBits: true, build: func(p place) (forward.Operator, error) {
			return forward.NewLaplacian(p.comm, p.frame, p.channels, p.border)
		}},
		{constructor: "NewGram", variant: "differences", shapes: anyAxes, sameBits: true, build: func(p place) (forward.Operator, error) {
			d, err := differences(p)
			if err != nil {
				return nil, err
			}
			return forward.NewGram(d), nil
		}},
		{constructor: "Compose", variant: "one", shapes: anyAxes, sameBits: true, build: join(forward.Compose, weighting)},
		{constructor: "Compose", variant: "differences of weighting", shapes: anyAxes, sameBits: true, build: join(forward.Compose, differences, weighting), y: perAxis},
		{constructor: "Compose", variant: "weighting of blur of weighting", shapes: someImages, build: join(forward.Compose, weighting, blur, weighting)},
		{constructor: "Stack", variant: "one", shapes: anyAxes, sameBits: true, build: join(forward.Stack, weighting)},
		{constructor: "Stack", variant: "weighting, differences, weighting", shapes: anyAxes, sameBits: true, build: join(forward.Stack, weighting, differences, weighting),
			y: func(axes int) []int { return []int{1, axes, 1} }},
		{constructor: "Stack", variant: "weighted blur, differences", shapes: someImages, build: join(forward.Stack, join(forward.Compose, weighting, blur), differences),
			y: func(axes int) []int { return []int{1, axes} }},
		{constructor: "Scale", shapes: anyAxes, sameBits: true, build: func(p place) (forward.Operator, error) {
			d, err := differences(p)
			if err != nil {
				return nil, err
			}
			return forward.Scale(-2.5, d)
		}, y: perAxis},
	}
}

func TestOperators(t *testing.T) {
	for _, e := range table() {
		for i, shape := range e.shapes {
			channels := 2 - i%2
			if len(e.shapes) == 1 {
				channels = 1 // the slow ones
			}
			c := forwardtest.Case{
				Name:     fmt.Sprintf("%s %s, %d channels of %v", e.constructor, e.variant, channels, shape),
				Borders:  borders,
				SameBits: e.sameBits,
				Build: func(comm ranks.Comm, border halo.Border) (*forwardtest.Built, error) {
					frame, err := halo.Decompose(shape, comm.Size())
					if err != nil {
						return nil, err
					}
					return e.built(place{comm, frame, channels, border})
				},
			}
			if e.noBorder {
				c.Borders = nil
			}
			t.Run(c.Name, func(t *testing.T) { forwardtest.Run(t, c) })
		}
	}
}

// Operators that take frames of any number of axes also take ranks without pixels, here
// the last of several.
func TestRanksWithoutPixels(t *testing.T) {
	for _, e := range table() {
		if len(e.shapes) != len(anyAxes) {
			continue
		}
		shape := []int{5, 9}
		forwardtest.Run(t, forwardtest.Case{
			Name: e.constructor + " " + e.variant, Borders: borders, SameBits: true,
			Build: func(comm ranks.Comm, border halo.Border) (*forwardtest.Built, error) {
				frame, err := halo.Decompose(shape, max(1, comm.Size()-1))
				if err == nil && comm.Size() > 1 {
					boxes := []halo.Box{}
					for r := range frame.Ranks() {
						boxes = append(boxes, frame.Owned(r))
					}
					frame, err = halo.FromBoxes(shape, append(boxes, halo.Box{Lo: []int{0, 3}, Hi: []int{0, 3}}))
				}
				if err != nil {
					return nil, err
				}
				return e.built(place{comm, frame, 2, border})
			},
		})
	}
}

// Every exported function whose first result is an Operator is in the table. A new one
// cannot skip the tests above.
func TestEveryConstructorIsTested(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]map[string]bool{} // of a type
	var functions []*ast.FuncDecl
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			switch {
			case !ok:
			case f.Recv == nil:
				functions = append(functions, f)
			default:
				name := typeName(f.Recv.List[0].Type)
				if methods[name] == nil {
					methods[name] = map[string]bool{}
				}
				methods[name][f.Name.Name] = true
			}
		}
	}
	constructors := map[string]bool{}
	for _, f := range functions {
		if !f.Name.IsExported() || f.Type.Results == nil {
			continue
		}
		of := typeName(f.Type.Results.List[0].Type)
		has := methods[of]
		if of == "Operator" || of == "Bounded" || of == "Framed" || has["Dims"] && has["Apply"] && has["Adjoint"] {
			constructors[f.Name.Name] = true
		}
	}
	tested := map[string]bool{"NewProjector": true} // whose y is no frame: TestProjector
	for _, e := range table() {
		tested[e.constructor] = true
		if !constructors[e.constructor] {
			t.Errorf("the table names %s, which is no exported constructor of an Operator", e.constructor)
		}
	}
	for name := range constructors {
		if !tested[name] {
			t.Errorf("forward.%s makes an Operator, but table() does not have it", name)
		}
	}
	if len(constructors) < 9 {
		t.Errorf("found only the constructors %v", constructors)
	}
}

// typeName is the name of a type of this package, or of what it points to.
func typeName(e ast.Expr) string {
	if p, ok := e.(*ast.StarExpr); ok {
		e = p.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
