package tv

import (
	"fmt"
	"math"
	"slices"

	"tessera/internal/config"
	"tessera/tv"
)

// lambda is a number or the rule by which the solver chooses it.
type lambda struct {
	rule  tv.Rule
	value float64
}

// rules are those that a config may name in place of a number.
var rules = []tv.Rule{tv.Discrepancy, tv.SURE, tv.Oracle}

const ruleNames = `"discrepancy", "sure" or "oracle"`

// UnmarshalTOML reads a number or the name of a rule.
func (l *lambda) UnmarshalTOML(v any) error {
	if s, ok := v.(string); ok && slices.Contains(rules, tv.Rule(s)) {
		*l = lambda{rule: tv.Rule(s)}
		return nil
	}
	x, err := config.Number(v)
	if err != nil {
		return fmt.Errorf("a number, " + ruleNames)
	}
	*l = lambda{rule: tv.Fixed, value: x}
	return nil
}

func (l lambda) String() string {
	if l.rule != tv.Fixed {
		return string(l.rule)
	}
	return fmt.Sprint(l.value)
}

// MarshalJSON writes the number or the name of the rule, as the config has it.
func (l lambda) MarshalJSON() ([]byte, error) {
	if l.rule != tv.Fixed {
		return fmt.Appendf(nil, "%q", l.rule), nil
	}
	return fmt.Append(nil, l.value), nil
}

// bound is a number, or NaN for none.
type bound float64

const noBound = "none"

// UnmarshalTOML reads a number or "none".
func (b *bound) UnmarshalTOML(v any) error {
	if v == noBound {
		*b = bound(math.NaN())
		return nil
	}
	x, err := config.Number(v)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Errorf("a number, or %q", noBound)
	}
	*b = bound(x)
	return nil
}

func (b bound) none() bool { return math.IsNaN(float64(b)) }

func (b bound) String() string {
	if b.none() {
		return noBound
	}
	return fmt.Sprint(float64(b))
}

// MarshalJSON writes the number or "none", as the config has it.
func (b bound) MarshalJSON() ([]byte, error) {
	if b.none() {
		return fmt.Appendf(nil, "%q", noBound), nil
	}
	return fmt.Append(nil, float64(b)), nil
}

// or is the number, or another where there is none.
func (b bound) or(other float64) float64 {
	if b.none() {
		return other
	}
	return float64(b)
}
