package scaling

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		v, low, high     float64
		number, interval string
	}{
		{1.2345, 1.198, 1.262, "1.23", "1.20 to 1.26"},
		{8.1234, 7.96, 8.367, "8.12", "7.96 to 8.37"},
		{1234, 1190, 1300, "1230", "1190 to 1300"},
		{0.00123456, 0.0012, 0.0013, "0.00123", "0.00120 to 0.00130"},
		{5, 5, 5, "5.00000", "5.00000 to 5.00000"},
		{5, 0, 100, "5.0", "0.0 to 100.0"},
		{5.4321, math.NaN(), 6, "5.43", unknown},
		{math.NaN(), 1, 2, unknown, unknown},
		{0, 0, 0, "0", unknown},
	} {
		if n, i := within(c.v, c.low, c.high); n != c.number || i != c.interval {
			t.Errorf("within(%v, %v, %v) = %s, %s, want %s, %s", c.v, c.low, c.high, n, i, c.number, c.interval)
		}
	}
}

func TestWhole(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 123: "123", 1234: "1 234", 1234567: "1 234 567", -1234: "-1 234", -123: "-123"} {
		if got := strings.ReplaceAll(whole(n), "\u202f", " "); got != want {
			t.Errorf("whole(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		got  []float64
		want string
	}{
		{logTicks(0.3, 8), "[0.2 0.5 1 2 5 10]"},
		{logTicks(1, 1), "[1 1.5 2]"},
		{logTicks(2.4, 3.3), "[2 3 4 5]"},
		{logTicks(0.002, 70), "[0.001 0.01 0.1 1 10 100]"},
		{linearTicks(1.04), "[0 0.2 0.4 0.6000000000000001 0.8 1 1.2000000000000002]"},
		{linearTicks(31), "[0 5 10 15 20 25 30 35]"},
		{linearTicks(0), "[0 0.2 0.4 0.6000000000000001 0.8 1]"},
	} {
		if got := fmt.Sprint(c.got); got != c.want {
			t.Errorf("ticks %s, want %s", got, c.want)
		}
	}
	for low := 1e-7; low < 1e7; low *= 1.7 {
		for high := low; high < 1e7; high *= 3.1 {
			ticks := logTicks(low, high)
			if ticks[0] > low*(1+1e-9) || ticks[len(ticks)-1] < high*(1-1e-9) || len(ticks) > 14 || len(ticks) < 2 || !slices.IsSorted(ticks) {
				t.Errorf("logTicks(%g, %g) = %v", low, high, ticks)
			}
		}
		if ticks := linearTicks(low); ticks[len(ticks)-1] < low || len(ticks) > 9 {
			t.Errorf("linearTicks(%g) = %v", low, ticks)
		}
	}
}

func TestSpread(t *testing.T) {
	got := spread([]float64{10, 11, 12, 90, 99}, 10, 0, 100)
	if want := "[10 20 30 90 100]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// Words need a contrast of 4.5 with the paper, lines and marks one of 3 (WCAG 2.2, 1.4.3 and 1.4.11).
func TestContrast(t *testing.T) {
	luminance := func(hex string) float64 {
		v, err := strconv.ParseUint(hex, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
			c := float64(v>>(8*i)&255) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	light, dark, _ := strings.Cut(reportStyle, "prefers-color-scheme: dark")
	colours := map[string]string{}
	for i, part := range []string{light, dark} {
		for _, m := range regexp.MustCompile(`--([a-z0-9]+): #([0-9a-f]{6})`).FindAllStringSubmatch(part, -1) {
			colours[m[1]] = m[2]
		}
		for name, least := range map[string]float64{"ink": 7, "quiet": 4.5, "s1": 4.5, "s2": 4.5, "s3": 4.5, "s4": 4.5, "base": 3} {
			for _, ground := range []string{"paper", "shade"} {
				a, b := luminance(colours[name]), luminance(colours[ground])
				if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < least && !(name == "base" && ground == "shade") {
					t.Errorf("scheme %d: %s on %s has contrast %.2f, want %g", i, name, ground, ratio, least)
				}
			}
		}
	}
}
