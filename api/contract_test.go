package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// contractDoc is openapi.yaml as JSON values, and the validators made of it. In
// the strict one every answer lists all of its fields, so that one that the
// contract does not describe is noticed here.
var contractDoc = sync.OnceValue(func() (c struct {
	doc           map[string]any
	loose, strict *jsonschema.Compiler
}) {
	var tree any
	if err := yaml.Load(contract, &tree); err != nil {
		panic(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		panic(err)
	}
	read := func() map[string]any {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			panic(err)
		}
		return v.(map[string]any)
	}
	compiler := func(doc map[string]any) *jsonschema.Compiler {
		k := jsonschema.NewCompiler()
		k.DefaultDraft(jsonschema.Draft2020)
		k.AssertFormat()
		if err := k.AddResource("openapi.yaml", doc); err != nil {
			panic(err)
		}
		return k
	}
	c.doc = read()
	c.loose = compiler(read())
	closed := read()
	for name, v := range closed["components"].(map[string]any)["schemas"].(map[string]any) {
		schema := v.(map[string]any)
		_, given := schema["additionalProperties"]
		if schema["properties"] != nil && !given && !strings.HasPrefix(name, "Batch") {
			schema["additionalProperties"] = false
		}
	}
	c.strict = compiler(closed)
	return c
})

func schemaAt(t testing.TB, k *jsonschema.Compiler, steps ...string) *jsonschema.Schema {
	t.Helper()
	pointer := "openapi.yaml#"
	for _, s := range steps {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
	}
	compilers.Lock()
	defer compilers.Unlock()
	schema, err := k.Compile(pointer)
	if err != nil {
		t.Fatalf("%s: %v", pointer, err)
	}
	return schema
}

var compilers sync.Mutex // Compile is not for many goroutines

// operation finds what the contract says of a request.
func operation(method, path string) (pattern string, op map[string]any) {
	path, _, _ = strings.Cut(path, "?")
	paths := contractDoc().doc["paths"].(map[string]any)
	if item, ok := paths[path]; ok {
		op, _ = item.(map[string]any)[strings.ToLower(method)].(map[string]any)
		return path, op
	}
	for pattern, item := range paths {
		if _, ok := match(strings.Split(pattern[1:], "/"), []byte(path)); ok && strings.Contains(pattern, "{") {
			op, _ = item.(map[string]any)[strings.ToLower(method)].(map[string]any)
			return pattern, op
		}
	}
	return "", nil
}

// agree holds a request and its answer against the contract: the answer to
// whatever was asked is described, and what was taken is a body that the
// contract allows.
func agree(t testing.TB, method, path, body string, r *reply) {
	t.Helper()
	c := contractDoc()
	pattern, op := operation(method, path)
	if r.status >= 400 {
		problem, _ := jsonschema.UnmarshalJSON(strings.NewReader(r.text))
		if err := schemaAt(t, c.strict, "components", "schemas", "Problem").Validate(problem); err != nil {
			t.Fatalf("%s %s: %v\n%s", method, path, err, r.text)
		}
		return
	}
	if op == nil {
		t.Fatalf("%s %s is not in openapi.yaml and was answered with %d", method, path, r.status)
	}
	responses := op["responses"].(map[string]any)
	status := map[int]string{200: "200", 201: "201"}[r.status]
	response, ok := responses[status].(map[string]any)
	if !ok {
		t.Fatalf("%s %s: status %d is not in openapi.yaml", method, path, r.status)
	}
	kind, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	if _, ok := response["content"].(map[string]any)[kind]; !ok {
		t.Fatalf("%s %s: %s is not in openapi.yaml", method, path, kind)
	}
	lower := strings.ToLower(method)
	at := []string{"paths", pattern, lower, "responses", status, "content", kind, "schema"}
	switch kind {
	case "application/json":
		valid(t, schemaAt(t, c.strict, at...), r.text, method+" "+path)
	case "application/x-ndjson":
		for line := range strings.Lines(r.text) {
			valid(t, schemaAt(t, c.strict, at...), line, method+" "+path)
		}
	}
	request, _ := op["requestBody"].(map[string]any)
	if request == nil || body == "" {
		return
	}
	for kind := range request["content"].(map[string]any) {
		if kind == "application/json" {
			valid(t, schemaAt(t, c.loose, "paths", pattern, lower, "requestBody", "content", kind, "schema"), body, "body of "+method+" "+path)
		}
	}
}

func valid(t testing.TB, schema *jsonschema.Schema, text, what string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v in %s", what, err, text)
	}
	if err := schema.Validate(v); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, text)
	}
}

// TestContractHasEveryRoute holds the table of routes against openapi.yaml, both ways.
func TestContractHasEveryRoute(t *testing.T) {
	var served, described []string
	for _, r := range (&Server{}).table() {
		served = append(served, r.path+" "+strings.ToLower(r.method))
	}
	for path, item := range contractDoc().doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			described = append(described, path+" "+method)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if !slices.Equal(served, described) {
		t.Fatalf("routes\n%s\nopenapi.yaml\n%s", strings.Join(served, "\n"), strings.Join(described, "\n"))
	}
}

// TestContractHasEveryCode holds the codes of problems against openapi.yaml.
func TestContractHasEveryCode(t *testing.T) {
	schemas := contractDoc().doc["components"].(map[string]any)["schemas"].(map[string]any)
	enum := schemas["Problem"].(map[string]any)["properties"].(map[string]any)["code"].(map[string]any)["enum"].([]any)
	var described []string
	for _, v := range enum {
		described = append(described, v.(string))
	}
	var known []string
	for c := range maps.Keys(kinds) {
		known = append(known, string(c))
	}
	slices.Sort(described)
	slices.Sort(known)
	if !slices.Equal(known, described) {
		t.Fatalf("codes %v; openapi.yaml has %v", known, described)
	}
}

// TestContractFields holds the fields that bodies may have against openapi.yaml.
func TestContractFields(t *testing.T) {
	f := func(schema string, fields []string) {
		t.Helper()
		schemas := contractDoc().doc["components"].(map[string]any)["schemas"].(map[string]any)
		props := schemas[schema].(map[string]any)["properties"].(map[string]any)
		described := slices.Sorted(maps.Keys(props))
		known := slices.Sorted(slices.Values(fields))
		if !slices.Equal(known, described) {
			t.Fatalf("%s: the decoder knows %v; openapi.yaml has %v", schema, known, described)
		}
	}
	f("Receipt", receiptFields[1:])
	f("Line", lineFields)
	f("Accrual", accrualFields[1:])
	f("Redemption", redemptionFields[1:])
	f("Hold", holdFields[1:])
	f("Capture", captureFields[2:])
	f("Void", voidFields[2:])
	f("Rating", ratingFields)
	f("Adjustment", adjustmentFields[1:])
	f("Return", returnFields[2:])
	f("ReturnLine", returnLineFields)
	f("Member", memberFields[2:])
	f("Consent", consentFields)
	f("NewNote", noteFields)
	f("CardChange", cardFields)
	f("NewMerge", mergeFields)
	f("NewUnmerge", byHandFields)
	f("NewErase", byHandFields)
	f("NewCertificate", certificateFields)
	f("NewEmission", emissionFields)
	f("NewKey", keyFields)
	f("ClockMove", clockFields)
	f("Refresh", refreshFields)
	f("SegmentQuery", queryFields)
}

// TestContractIsServed fetches the contract without a key.
func TestContractIsServed(t *testing.T) {
	s := open(t)
	if r := s.as("", "GET", "/openapi.yaml", ""); r.status != 200 || r.text != string(contract) {
		t.Fatalf("status %d, %d bytes", r.status, len(r.text))
	}
}
