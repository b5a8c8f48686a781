package program

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed schema.json
var schemaText []byte

// Schema is the JSON Schema (2020-12) of program documents, for editors and for
// kopilka program schema.
func Schema() []byte { return bytes.Clone(schemaText) }

// rules is the schema, read once: as plain values, for the keys it knows, and
// compiled. A schema that does not compile is our bug.
var rules = sync.OnceValue(func() (r struct {
	plain    map[string]any
	compiled *jsonschema.Schema
}) {
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		panic("program: schema.json: " + err.Error())
	}
	r.plain = plain.(map[string]any)
	id := r.plain["$id"].(string)
	c := jsonschema.NewCompiler()
	if err := c.AddResource(id, plain); err != nil {
		panic("program: schema.json: " + err.Error())
	}
	if r.compiled, err = c.Compile(id); err != nil {
		panic("program: schema.json: " + err.Error())
	}
	return r
})

// checkSchema notes everything in the tree that the schema refuses.
func (t *tree) checkSchema() {
	err := rules().compiled.Validate(t.root)
	if err == nil {
		return
	}
	t.refused(err.(*jsonschema.ValidationError))
}

func (t *tree) refused(e *jsonschema.ValidationError) {
	pointer := ""
	for _, key := range e.InstanceLocation {
		pointer += "/" + escape(key)
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range e.Causes {
			t.refused(cause)
		}
	case *kind.AdditionalProperties:
		known := knownKeys(e.SchemaURL)
		for _, key := range k.Properties {
			t.faultAtKey(pointer+"/"+escape(key), "%s", unknownKey(key, known))
		}
	case *kind.FalseSchema:
		t.faultAtKey(pointer, "means nothing beside the other keys here")
	default:
		t.faultAt(pointer, "%s", refusal(e.ErrorKind))
	}
}

// knownKeys are the keys that an object may have by the part of the schema that
// refused it; none where any key of a form may stand.
func knownKeys(schemaURL string) []string {
	_, pointer, _ := strings.Cut(schemaURL, "#")
	part := rules().plain
	for _, key := range strings.Split(pointer, "/")[1:] {
		part = part[key].(map[string]any)
	}
	properties, _ := part["properties"].(map[string]any)
	keys := make([]string, 0, len(properties))
	for key := range properties {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func unknownKey(key string, known []string) string {
	if len(known) == 0 {
		return fmt.Sprintf("%q is not a language tag such as en or pt-BR", cut(key))
	}
	if meant := likely(key, known); meant != "" {
		return fmt.Sprintf("unknown key %q: did you mean %q?", cut(key), meant)
	}
	return fmt.Sprintf("unknown key %q: this version has no such rule", cut(key))
}

// refusal says in words what a keyword of the schema refused.
func refusal(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("is %s, not %s", typeWord(k.Got), typeWord(k.Want[0]))
	case *kind.Required:
		return "lacks the key " + strings.Join(k.Missing, ", ")
	case *kind.Enum:
		words := make([]string, len(k.Want))
		for i, w := range k.Want {
			words[i] = fmt.Sprint(w)
		}
		s := fmt.Sprintf("%s is none of %s", cut(fmt.Sprint(k.Got)), strings.Join(words, ", "))
		if meant := likely(fmt.Sprint(k.Got), words); meant != "" {
			s += fmt.Sprintf("; did you mean %s?", meant)
		}
		return s
	case *kind.Const:
		return fmt.Sprintf("%s can only be %v", cut(fmt.Sprint(k.Got)), k.Want)
	case *kind.Pattern:
		return fmt.Sprintf("%q does not have the form %s", cut(k.Got), k.Want)
	case *kind.Minimum:
		return fmt.Sprintf("%s is below the least, %s", k.Got.RatString(), k.Want.RatString())
	case *kind.Maximum:
		return fmt.Sprintf("%s is above the most, %s", k.Got.RatString(), k.Want.RatString())
	case *kind.MinItems:
		return fmt.Sprintf("has %d items, fewer than %d", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %d items, more than %d", k.Got, k.Want)
	case *kind.MinProperties:
		return fmt.Sprintf("has %d keys, fewer than %d", k.Got, k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("has %d keys, more than %d", k.Got, k.Want)
	case *kind.UniqueItems:
		return fmt.Sprintf("items %d and %d are the same", k.Duplicates[0]+1, k.Duplicates[1]+1)
	case *kind.MinLength:
		return fmt.Sprintf("has %d characters, fewer than %d", k.Got, k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters, more than %d", k.Got, k.Want)
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}

// typeWord is a JSON type as a shop would call it.
func typeWord(t string) string {
	switch t {
	case "integer", "number":
		return "a whole number"
	case "object":
		return "an object"
	case "array":
		return "a list"
	case "null":
		return "empty"
	}
	return "a " + t
}
