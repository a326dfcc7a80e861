package config

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

type everything struct {
	Job   string `toml:"job"`
	Seed  uint64 `toml:"seed"`
	Outer struct {
		X     float64 `toml:"x"`
		N     int     `toml:"n"`
		On    bool    `toml:"on"`
		Text  string  `toml:"text"`
		List  Numbers `toml:"list"`
		Words Words   `toml:"words"`
		Inner struct {
			Y float64 `toml:"y"`
		} `toml:"inner"`
	} `toml:"outer"`
	Other struct {
		Z float64 `toml:"z"`
	} `toml:"other"`
}

// What Encode writes is read back as the same bits, whatever the numbers and strings.
func TestEncodeRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	texts := []string{"", "plain", "a \"quote\" and \\ back", "line\nbreak\ttab\r", "\x01\x7f", "über 3 µm ☉", "# no comment", "a.b = 3", "'single'"}
	numbers := []float64{0, 1, -1, 0.1, 1e-8, 1e300, math.SmallestNonzeroFloat64, math.MaxFloat64, 123456789, 1 << 60, math.Copysign(0, -1)}
	draw := func() float64 {
		for {
			if x := math.Float64frombits(rng.Uint64()); !math.IsNaN(x) && !math.IsInf(x, 0) {
				return x
			}
		}
	}
	for i := range 300 {
		var in everything
		in.Job, in.Seed = texts[i%len(texts)], rng.Uint64()>>1
		in.Outer.X, in.Outer.Inner.Y, in.Other.Z = numbers[i%len(numbers)], draw(), draw()
		in.Outer.N, in.Outer.On, in.Outer.Text = int(rng.Int64())-1<<40, i%2 == 0, texts[(i/2)%len(texts)]
		in.Outer.List, in.Outer.Words = Numbers{}, Words{}
		for range i % 4 {
			in.Outer.List = append(in.Outer.List, draw())
			in.Outer.Words = append(in.Outer.Words, texts[rng.IntN(len(texts))])
		}
		f, err := Parse("test", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.Decode(&in)
		var b strings.Builder
		if err := f.Encode(&b, nil); err != nil {
			t.Fatal(err)
		}
		g, err := Parse("written", []byte(b.String()), nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, &b)
		}
		var out everything
		g.Decode(&out)
		if err := g.Err(); err != nil {
			t.Fatalf("%v in\n%s", err, &b)
		}
		if math.Float64bits(in.Outer.X) != math.Float64bits(out.Outer.X) {
			t.Fatalf("%g was read as %g", in.Outer.X, out.Outer.X)
		}
		if !reflect.DeepEqual(in, out) {
			t.Fatalf("wrote\n%s\nread %+v, want %+v", &b, out, in)
		}
	}
}

// Chosen values replace those in force, with a comment; what no config can hold is an error
// that names the key.
func TestEncodeChosen(t *testing.T) {
	var in everything
	f, err := Parse("test", []byte("job = 'a'"), []string{"outer.x=3"})
	if err != nil {
		t.Fatal(err)
	}
	f.Decode(&in)
	var b strings.Builder
	if err := f.Encode(&b, map[string]Value{
		"outer.x": {Value: 0.25, Comment: "found\nby search"}, "job": {Comment: "as it was"}, "other.z": {Omit: true},
	}); err != nil {
		t.Fatal(err)
	}
	want := `job = "a"  # as it was
seed = 0

[outer]
list = []
n = 0
on = false
text = ""
words = []
x = 0.25  # found by search

[outer.inner]
y = 0.0
`
	if b.String() != want {
		t.Errorf("wrote\n%s\nwant\n%s", &b, want)
	}
	for _, bad := range []any{math.NaN(), math.Inf(1), uint64(math.MaxUint64), struct{}{}} {
		if err := f.Encode(&b, map[string]Value{"outer.x": {Value: bad}}); err == nil || !strings.HasPrefix(err.Error(), "outer.x = ") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
