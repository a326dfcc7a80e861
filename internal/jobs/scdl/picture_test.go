package scdl

import (
	"testing"

	"tessera/internal/imageio"
)

func TestBusiest(t *testing.T) {
	f := &imageio.Frame{Channels: 1, Rows: 400, Cols: 300, Data: make([]float64, 400*300)}
	for i := 330; i < 350; i++ {
		for j := 20; j < 40; j++ {
			f.Data[i*300+j] = float64((i + j) % 2)
		}
	}
	b := busiest(f)
	if b.R0 > 330 || b.R1 < 350 || b.C0 > 20 || b.R1-b.R0 != detailSide || b.C1-b.C0 != detailSide {
		t.Errorf("the busiest part is %+v", b)
	}
	if part := cutOut(f, b); part.Data[(340-b.R0)*part.Cols+31-b.C0] != 1 {
		t.Error("another part was cut out")
	}
	small := &imageio.Frame{Channels: 3, Rows: 20, Cols: 200, Data: make([]float64, 3*20*200)}
	if b := busiest(small); b.R1-b.R0 != 20 || b.C1-b.C0 != detailSide || len(cutOut(small, b).Data) != 3*20*detailSide {
		t.Errorf("of a small picture %+v", b)
	}
}
