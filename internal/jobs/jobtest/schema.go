package jobtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Schema is a JSON schema, or a part of one, as encoding/json reads it. It understands the
// keywords that docs/metrics.schema.json uses: $ref into $defs, type, enum, const, properties,
// required, additionalProperties, propertyNames, items, anyOf, allOf, if and then. Title,
// description and unit say something to people. Any other keyword is an error, as nothing
// would check it.
type Schema map[string]any

// Check returns what is wrong with a value that encoding/json has read, a line for each problem.
func (s Schema) Check(value any) []string {
	c := checker{defs: map[string]any{}}
	if defs, ok := s["$defs"].(map[string]any); ok {
		c.defs = defs
	}
	c.check(s, value, "")
	return c.problems
}

type checker struct {
	defs     map[string]any
	problems []string
}

func (c *checker) say(at, format string, args ...any) {
	if at == "" {
		at = "the whole"
	}
	c.problems = append(c.problems, at+": "+fmt.Sprintf(format, args...))
}

// fits tells whether a value has no problem with a schema.
func (c *checker) fits(s map[string]any, value any) bool {
	trial := checker{defs: c.defs}
	trial.check(s, value, "")
	return len(trial.problems) == 0
}

func (c *checker) check(s map[string]any, value any, at string) {
	for _, word := range slices.Sorted(maps.Keys(s)) {
		arg := s[word]
		switch word {
		case "$schema", "$id", "$defs", "title", "description", "unit", "then", "properties", "additionalProperties":
		case "$ref":
			name, _ := strings.CutPrefix(arg.(string), "#/$defs/")
			def, known := c.defs[name].(map[string]any)
			if !known {
				c.say(at, "the schema has no %v", arg)
				continue
			}
			c.check(def, value, at)
		case "type":
			if !slices.ContainsFunc(list(arg), func(t any) bool { return isType(value, t.(string)) }) {
				c.say(at, "is %s, want %v", short(value), arg)
			}
		case "const":
			if value != arg {
				c.say(at, "is %s, want %v", short(value), arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), value) {
				c.say(at, "is %s, want one of %v", short(value), arg)
			}
		case "required":
			object, _ := value.(map[string]any)
			for _, key := range arg.([]any) {
				if _, there := object[key.(string)]; !there {
					c.say(at, "has no %q", key)
				}
			}
		case "propertyNames":
			object, _ := value.(map[string]any)
			for _, key := range slices.Sorted(maps.Keys(object)) {
				if !c.fits(arg.(map[string]any), key) {
					c.say(at, "has the key %q", key)
				}
			}
		case "items":
			elements, _ := value.([]any)
			for i, v := range elements {
				c.check(arg.(map[string]any), v, fmt.Sprintf("%s[%d]", at, i))
			}
		case "anyOf":
			if !slices.ContainsFunc(arg.([]any), func(o any) bool { return c.fits(o.(map[string]any), value) }) {
				c.say(at, "is %s, which fits none of %s", short(value), short(arg))
			}
		case "allOf":
			for _, o := range arg.([]any) {
				c.check(o.(map[string]any), value, at)
			}
		case "if":
			if c.fits(arg.(map[string]any), value) {
				c.check(s["then"].(map[string]any), value, at)
			}
		default:
			c.say(at, "the schema has the keyword %q, which is not checked", word)
		}
	}
	object, _ := value.(map[string]any)
	known, _ := s["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(object)) {
		inside := strings.TrimPrefix(at+"."+key, ".")
		if p, there := known[key].(map[string]any); there {
			c.check(p, object[key], inside)
			continue
		}
		switch others := s["additionalProperties"].(type) {
		case map[string]any:
			c.check(others, object[key], inside)
		case bool:
			if !others {
				c.say(at, "has the key %q, which the schema does not know", key)
			}
		}
	}
}

// list is the elements of a list, or one that is none.
func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func isType(value any, name string) bool {
	switch v := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}

// short is the beginning of a value as JSON.
func short(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if len(text) > 80 {
		return string(text[:80]) + " ..."
	}
	return string(text)
}
