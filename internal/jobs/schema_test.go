package jobs

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tessera/internal/lifecycle"
)

// update writes docs/metrics.schema.json and the table of docs/outputs.md anew. Descriptions and
// units stay; those of new keys are empty, and the tests fail until somebody has written them.
var update = flag.Bool("update", false, "write docs/metrics.schema.json and the tables of docs/outputs.md")

const (
	schemaPath  = "../../docs/metrics.schema.json"
	outputsPath = "../../docs/outputs.md"
)

// shape is what the Go type of a value in metrics.json allows.
type shape struct {
	kind     string            // of JSON; "number" may be NaN, +Inf or -Inf as a text
	keys     map[string]*shape // of an object
	optional map[string]bool   // keys that may be absent
	items    *shape            // of a list, or of an object with any keys
	def      string            // the definition of the schema that describes it; "" = none
}

// definitions are the types that several keys have, by the name that the schema gives them.
var definitions = map[string]string{
	"lifecycle.Quality": "quality", "lifecycle.Quartiles": "quartiles", "lifecycle.Fit": "fit", "lifecycle.Summary": "summary",
	"frames.PSFReport": "blur_psf", "kernel.balanceMetrics": "balancing",
}

// shapeOf reads a type as encoding/json does.
func shapeOf(t reflect.Type) *shape {
	switch t {
	case reflect.TypeFor[lifecycle.Inputs]():
		return &shape{kind: "array", items: shapeOf(reflect.TypeFor[lifecycle.Input]())}
	case reflect.TypeFor[lifecycle.Series]():
		return &shape{kind: "array", items: &shape{kind: "number"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return shapeOf(t.Elem())
	case reflect.Bool:
		return &shape{kind: "boolean"}
	case reflect.String:
		return &shape{kind: "string"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return &shape{kind: "integer"}
	case reflect.Float64:
		return &shape{kind: "number"}
	case reflect.Slice, reflect.Array:
		return &shape{kind: "array", items: shapeOf(t.Elem())}
	case reflect.Map:
		return &shape{kind: "object", items: shapeOf(t.Elem())}
	case reflect.Interface:
		return &shape{kind: "object"} // the config
	case reflect.Struct:
		s := &shape{kind: "object", keys: map[string]*shape{}, optional: map[string]bool{}, def: definitions[t.String()]}
		s.add(t, false)
		return s
	}
	panic("metrics.json has a value of type " + t.String())
}

// add adds the fields of a struct; those behind a pointer may be absent.
func (s *shape) add(t reflect.Type, absent bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case f.Anonymous && name == "":
			s.add(inner, absent || f.Type.Kind() == reflect.Pointer)
		case name == "-" || !f.IsExported():
		case name == "":
			panic(fmt.Sprintf("the field %s of %s has no name for JSON", f.Name, t))
		default:
			s.keys[name] = shapeOf(f.Type)
			s.optional[name] = absent || strings.Contains(rest, "omitempty") || strings.Contains(rest, "omitzero")
		}
	}
}

// merge adds what another job allows for the same key.
func (s *shape) merge(o *shape) error {
	if s.kind != o.kind {
		return fmt.Errorf("is a %s in one job and a %s in another: the same key must mean the same", s.kind, o.kind)
	}
	if s.items != nil && o.items != nil {
		return s.items.merge(o.items)
	}
	for name, k := range o.keys {
		if mine, there := s.keys[name]; !there {
			s.keys[name], s.optional[name] = k, true
		} else if err := mine.merge(k); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.optional[name] = s.optional[name] || o.optional[name]
	}
	for name := range s.keys {
		if _, there := o.keys[name]; !there && o.keys != nil {
			s.optional[name] = true
		}
	}
	return nil
}

// object is a JSON object whose keys keep their order.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) set(key string, v any) *object {
	if o.values == nil {
		o.values = map[string]any{}
	}
	if _, there := o.values[key]; !there {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
	return o
}

func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		v, err := encoded(o.values[k])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", k, v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encoded is a value as JSON, with < and > as they are.
func encoded(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// words are the description and the unit of a key.
type words struct{ description, unit string }

// schema is a shape as a JSON schema, with the words that there are for its keys. path is the
// dotted name, of the elements of a list too.
func (s *shape) schema(path string, said map[string]words) *object {
	o := &object{}
	if w := said[path]; path != "" {
		o.set("description", w.description)
		if s.hasUnit() {
			o.set("unit", w.unit)
		}
	}
	return s.body(o, path, said)
}

func (s *shape) body(o *object, path string, said map[string]words) *object {
	switch {
	case s.kind == "number":
		return o.set("$ref", "#/$defs/number")
	case s.def != "" && path != "$"+s.def:
		return o.set("$ref", "#/$defs/"+s.def)
	}
	o.set("type", s.kind)
	switch {
	case s.kind == "array":
		return o.set("items", s.items.body(&object{}, path, said))
	case s.items != nil:
		return o.set("additionalProperties", s.items.body(&object{}, path+".*", said))
	case s.keys == nil:
		return o
	}
	properties := &object{}
	var required []string
	for _, name := range slices.Sorted(maps.Keys(s.keys)) {
		properties.set(name, s.keys[name].schema(strings.TrimPrefix(path+"."+name, "."), said))
		if !s.optional[name] {
			required = append(required, name)
		}
	}
	o.set("properties", properties).set("additionalProperties", false)
	if required != nil {
		o.set("required", required)
	}
	return o
}

// hasUnit tells whether a value is a number or a list of numbers.
func (s *shape) hasUnit() bool {
	return s.kind == "number" || s.kind == "integer" || s.kind == "array" && s.items.hasUnit()
}

// wholeSchema is the schema of metrics.json of all jobs.
func wholeSchema(said map[string]words) (*object, error) {
	all, common := (*shape)(nil), shapeOf(reflect.TypeFor[lifecycle.Record]())
	of := map[string]*shape{}
	for _, k := range Kinds() {
		j, err := Load("test.toml", fmt.Appendf(nil, "job = %q", k.Name), required[k.Name])
		if err != nil {
			return nil, err
		}
		if j.Metrics == nil {
			return nil, fmt.Errorf("job %s: Job.Metrics is nil", k.Name)
		}
		of[k.Name] = shapeOf(reflect.TypeOf(j.Metrics))
		if all == nil {
			all = shapeOf(reflect.TypeOf(j.Metrics))
		} else if err := all.merge(shapeOf(reflect.TypeOf(j.Metrics))); err != nil {
			return nil, fmt.Errorf("job %s: %w", k.Name, err)
		}
	}
	o := (&object{}).set("$schema", "https://json-schema.org/draft/2020-12/schema").
		set("title", "metrics.json").
		set("description", "What a run leaves beside its result: how it was made, what it took and how good it is. The same key means the same in every job; unit says in what numbers are, 1 = they have none.")
	body := all.schema("", said)
	for _, k := range []string{"type", "properties", "additionalProperties", "required"} {
		if k == "required" {
			o.set(k, body.values[k])
			continue
		}
		o.set(k, body.values[k])
	}
	var cases []any
	for _, k := range Kinds() {
		var own, needed []string
		for _, name := range slices.Sorted(maps.Keys(of[k.Name].keys)) {
			if _, shared := common.keys[name]; shared {
				continue
			}
			own = append(own, name)
			if !of[k.Name].optional[name] {
				needed = append(needed, name)
			}
		}
		names := []any{(&object{}).set("$ref", "#/$defs/common_key")}
		if own != nil {
			names = append(names, (&object{}).set("enum", own))
		}
		then := (&object{}).set("propertyNames", (&object{}).set("anyOf", names))
		if needed != nil {
			then.set("required", needed)
		}
		is := (&object{}).set("properties", (&object{}).set("job", (&object{}).set("const", k.Name)))
		cases = append(cases, (&object{}).set("if", is).set("then", then))
	}
	o.set("allOf", cases)
	number := (&object{}).set("description", "A number; a text where it is not finite.").
		set("anyOf", []any{(&object{}).set("type", "number"), (&object{}).set("enum", []string{"NaN", "+Inf", "-Inf"})})
	defs := (&object{}).set("common_key", (&object{}).set("enum", slices.Sorted(maps.Keys(common.keys)))).set("number", number)
	found := map[string]*shape{}
	all.defined(found)
	shapeOf(reflect.TypeFor[lifecycle.Summary]()).defined(found)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		path := "$" + name
		defs.set(name, found[name].body((&object{}).set("description", said[path].description), path, said))
	}
	o.set("$defs", defs)
	return o, nil
}

// defined finds the shapes that the schema defines once.
func (s *shape) defined(found map[string]*shape) {
	if s.def != "" {
		found[s.def] = s
	}
	if s.items != nil {
		s.items.defined(found)
	}
	for _, k := range s.keys {
		k.defined(found)
	}
}

// readWords are the descriptions and units of a schema.
func readWords(t *testing.T, schema map[string]any) map[string]words {
	t.Helper()
	said := map[string]words{}
	var read func(path string, s map[string]any)
	read = func(path string, s map[string]any) {
		d, _ := s["description"].(string)
		u, _ := s["unit"].(string)
		if path != "" && d != "" {
			said[path] = words{d, u}
		}
		if items, ok := s["items"].(map[string]any); ok {
			s = items
			if inner, ok := s["items"].(map[string]any); ok {
				s = inner
			}
		}
		properties, _ := s["properties"].(map[string]any)
		for name, p := range properties {
			read(strings.TrimPrefix(path+"."+name, "."), p.(map[string]any))
		}
	}
	read("", schema)
	defs, _ := schema["$defs"].(map[string]any)
	for name, d := range defs {
		read("$"+name, d.(map[string]any))
	}
	return said
}

// readSchema is docs/metrics.schema.json.
func readSchema(t *testing.T) (text []byte, schema map[string]any) {
	t.Helper()
	text, err := os.ReadFile(schemaPath)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
	}
	return text, schema
}

// The schema of metrics.json has every key that the code of a job can write, and no other, each
// with a description and numbers with a unit.
func TestSchemaOfTheTypes(t *testing.T) {
	text, schema := readSchema(t)
	said := readWords(t, schema)
	whole, err := wholeSchema(said)
	if err != nil {
		t.Fatal(err)
	}
	flat, err := encoded(whole)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, flat, "", "  "); err != nil {
		t.Fatal(err)
	}
	want := append(indented.Bytes(), '\n')
	if !bytes.Equal(text, want) {
		if !*update {
			t.Fatalf("%s is not that of the types of the jobs: write it with go test ./internal/jobs -run TestSchema -update, and then the words of the new keys", schemaPath)
		}
		if err := os.WriteFile(schemaPath, want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var wordless func(path string, s map[string]any)
	wordless = func(path string, s map[string]any) {
		if d, there := s["description"]; there && d == "" {
			t.Errorf("%s has no description", path)
		}
		if u, there := s["unit"]; there && u == "" {
			t.Errorf("%s has no unit: 1 for a number without", path)
		}
		for name, v := range s {
			if inner, ok := v.(map[string]any); ok && name != "allOf" {
				wordless(strings.TrimPrefix(path+"."+name, "."), inner)
			}
		}
	}
	var now map[string]any
	if err := json.Unmarshal(want, &now); err != nil {
		t.Fatal(err)
	}
	wordless("", now)
}
