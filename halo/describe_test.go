package halo

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

func TestDescribe(t *testing.T) {
	tests := []struct {
		name   string
		shape  []int
		width  []int
		border Border
		planes int
	}{
		{"1d-zero", []int{30}, []int{2}, Zero, 1},
		{"1d-periodic", []int{30}, []int{2}, Periodic, 3},
		{"1d-thin-reflect", []int{10}, []int{3}, Reflect, 1}, // boxes of 1 and 2 cells, halo across two and three neighbours
		{"2d-zero", []int{24, 28}, []int{2, 2}, Zero, 1},
		{"2d-periodic", []int{24, 28}, []int{2, 2}, Periodic, 3},
		{"2d-thin-reflect", []int{12, 7}, []int{3, 2}, Reflect, 1}, // boxes 1 and 2 cells thick
		{"2d-bricks-zero", []int{5, 4}, []int{1, 1}, Zero, 1},      // 7 ranks fit into no grid
		{"3d-zero", []int{6, 5, 14}, []int{1, 1, 1}, Zero, 1},
		{"3d-bricks-periodic", []int{6, 5, 4}, []int{1, 1, 1}, Periodic, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, err := Decompose(test.shape, 7)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := d.Describe(&got, test.width, test.border, test.planes); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", test.name+".txt")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s differs from the plan; run with -update and read the difference\n%s", path, got.String())
			}
		})
	}
}

// Traffic takes time proportional to the number of messages: if it looked at every pair of
// 4096 ranks, this test would take minutes under -race.
func TestTrafficOfManyRanks(t *testing.T) {
	d, err := Decompose([]int{4096, 4096}, 4096)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Traffic([]int{8, 8}, Periodic)
	if err != nil {
		t.Fatal(err)
	}
	want := Traffic{
		Messages: 8 * 4096, Cells: 4096 * (80*80 - 64*64), MaxNeighbours: 8,
		MaxReceived: 80*80 - 64*64, MaxSent: 80*80 - 64*64, MaxOwned: 64 * 64, MaxExtended: 80 * 80,
		Ratio: 0.5625, MaxRatio: 0.5625,
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
