package scdl

import (
	"context"
	"math"
	"os"
	"slices"
	"sync"
	"testing"

	"tessera/halo"
	"tessera/internal/imageio"
	"tessera/internal/simulate"
	"tessera/ranks"
)

// greyImage reads the luminance of a picture; nil without the file.
func greyImage(t testing.TB, name string) *Image {
	t.Helper()
	if _, err := os.Stat(data + name); err != nil {
		return nil
	}
	f, err := imageio.ReadFrame(data + name)
	if err != nil {
		t.Fatal(err)
	}
	x := &Image{Rows: f.Rows, Cols: f.Cols, Data: make([]float64, f.Rows*f.Cols)}
	n := len(x.Data)
	for i := range n {
		x.Data[i] = f.Data[i]
		if f.Channels == 3 {
			x.Data[i] = 0.299*f.Data[i] + 0.587*f.Data[n+i] + 0.114*f.Data[2*n+i]
		}
	}
	return x
}

func crop(x *Image, rows, cols int) *Image {
	y := &Image{Rows: rows, Cols: cols}
	for i := range rows {
		y.Data = append(y.Data, x.Data[i*x.Cols:i*x.Cols+cols]...)
	}
	return y
}

// madeUp is a deep-sky frame with texture in it.
func madeUp(seed uint64, side int) *Image {
	scene := simulate.Sky(simulate.SkyOptions{Seed: seed, Rows: side, Cols: side, Channels: 1, Galaxies: 60})
	x := &Image{Rows: side, Cols: side, Data: scene.Render(simulate.Box{R1: side, C1: side})}
	for i, v := range x.Data {
		r, c := float64(i/side), float64(i%side)
		x.Data[i] = min(1, math.Sqrt(max(v, 0))) + 0.1*math.Sin(r/3+c/7)*math.Sin(c/2.5)
	}
	return x
}

// edges is a picture of slanted bars and discs with sharp edges.
func edges(seed uint64, rows, cols int) *Image {
	x := &Image{Rows: rows, Cols: cols, Data: make([]float64, rows*cols)}
	s := float64(seed)
	for i := range x.Data {
		// Four points a pixel.
		for q := range 4 {
			r, c := float64(i/cols)+float64(q/2)/2, float64(i%cols)+float64(q%2)/2
			v := 0.2
			if math.Sin(r*(0.21+0.02*s)+c*0.33+s) > 0.3 {
				v += 0.4
			}
			if math.Hypot(math.Mod(r+7*s, 37)-18, math.Mod(c+11*s, 41)-20) < 11 {
				v += 0.3
			}
			x.Data[i] += v / 4
		}
	}
	return x
}

// onStrips runs work on size ranks with strips of a picture of rows x cols high pixels.
func onStrips(t testing.TB, size int, g Grid, rows, cols int, work func(s *Strips) error) {
	t.Helper()
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: size}, func(_ context.Context, c ranks.Comm) error {
		s, err := NewStrips(c, g, rows, cols)
		if err != nil {
			return err
		}
		return work(s)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mine is the part of a whole picture that a rank owns.
func mine(s *Strips, d *halo.Decomposition, whole []float64) []float64 {
	b := d.Owned(s.comm.Rank())
	cols := d.Domain().Hi[1]
	return slices.Clone(whole[b.Lo[0]*cols : b.Hi[0]*cols])
}

// collector stores the picture that rank 0 gathers.
type collector struct {
	sync.Mutex
	data []float64
}

func (k *collector) gather(s *Strips, d *halo.Decomposition, owned []float64) error {
	all, err := d.GatherTo(s.comm, 0, owned, 1)
	if s.comm.Rank() == 0 {
		k.Lock()
		defer k.Unlock()
		k.data = all
	}
	return err
}

// wholeBicubic is the bicubic interpolation of a low picture on one rank.
func wholeBicubic(g Grid, y *Image, rows, cols int) *Image {
	return &Image{Rows: rows, Cols: cols, Data: g.bicubic(y.lines(), cols, 0, rows)}
}

// quality is PSNR and SSIM on one rank.
func quality(t testing.TB, g Grid, a, b *Image) (q [2]float64) {
	t.Helper()
	onStrips(t, 1, g, a.Rows, a.Cols, func(s *Strips) (err error) {
		if q[0], err = s.PSNR(a.Data, b.Data); err == nil {
			q[1], err = s.SSIM(a.Data, b.Data)
		}
		return err
	})
	return q
}
