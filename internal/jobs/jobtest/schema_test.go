package jobtest

import (
	"encoding/json"
	"strings"
	"testing"
)

// A value that a schema does not allow is a problem, for each keyword.
func TestSchema(t *testing.T) {
	for _, c := range []struct{ schema, value, problem string }{
		{`{"type": "integer"}`, `3`, ""},
		{`{"type": "integer"}`, `3.5`, "is 3.5, want integer"},
		{`{"type": ["number", "string"]}`, `true`, "is true, want [number string]"},
		{`{"enum": ["a", "b"]}`, `"c"`, `is "c", want one of [a b]`},
		{`{"const": "a"}`, `"b"`, `is "b", want a`},
		{`{"required": ["a"]}`, `{"b": 1}`, `has no "a"`},
		{`{"properties": {"a": {}}, "additionalProperties": false}`, `{"a": 1}`, ""},
		{`{"properties": {"a": {}}, "additionalProperties": false}`, `{"b": 1}`, `has the key "b", which the schema does not know`},
		{`{"properties": {"a": {"type": "string"}}}`, `{"a": 1}`, "a: is 1, want string"},
		{`{"additionalProperties": {"type": "string"}}`, `{"a": 1}`, "a: is 1, want string"},
		{`{"propertyNames": {"enum": ["a"]}}`, `{"b": 1}`, `has the key "b"`},
		{`{"items": {"type": "string"}}`, `["a", 1]`, "[1]: is 1, want string"},
		{`{"anyOf": [{"type": "string"}, {"type": "number"}]}`, `1`, ""},
		{`{"anyOf": [{"type": "string"}, {"type": "number"}]}`, `true`, "fits none of"},
		{`{"allOf": [{"type": "string"}, {"enum": ["a"]}]}`, `"b"`, "want one of [a]"},
		{`{"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}}`, `{"a": 1}`, `has no "b"`},
		{`{"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}}`, `{"a": 2}`, ""},
		{`{"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}`, `"a"`, "want number"},
		{`{"$ref": "#/$defs/m", "$defs": {"n": {"type": "number"}}}`, `1`, "the schema has no #/$defs/m"},
		{`{"minimum": 3}`, `1`, `the keyword "minimum", which is not checked`},
	} {
		var s Schema
		var v any
		if err := json.Unmarshal([]byte(c.schema), &s); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c.value), &v); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(s.Check(v), "; ")
		if c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
			t.Errorf("%s of %s: %q, want %q", c.schema, c.value, got, c.problem)
		}
	}
}
