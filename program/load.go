package program

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Limits of a document. A program is a page or two; what is larger or deeper is
// an accident or an attack.
const (
	// SizeMax bounds a document in bytes.
	SizeMax  = 256 << 10
	depthMax = 32     // of nesting, in the text
	nodesMax = 20_000 // values after aliases are followed

	// writtenMax bounds the canonical form in bytes. It is one command of the log,
	// whose frames hold 192 KiB of these.
	writtenMax = 188 << 10
)

// place is where a value and, in an object, its key stand in the text.
type place struct {
	line, column       int
	keyLine, keyColumn int
}

// tree is a document as plain JSON values (objects, lists, strings, booleans,
// nil and int64), with the place of each under its JSON pointer.
type tree struct {
	doc    []byte
	root   any
	places map[string]place
	faults []Fault

	nodes     int
	overgrown bool // past nodesMax or depthMax, which is said once
}

// load reads a document in YAML 1.2 or JSON, which is taken as YAML. Values go
// by their tag: what is neither a string, a whole number, a boolean, null, a
// list nor an object is a fault, with its place.
func load(doc []byte) *tree {
	t := &tree{doc: bytes.TrimPrefix(doc, []byte("\ufeff")), places: map[string]place{}}
	if len(t.doc) > SizeMax {
		t.fault("", 0, 0, "has %d bytes, more than the %d that a program may have", len(t.doc), SizeMax)
		return t
	}
	if at, what := unreadable(t.doc); what != "" {
		line, column := lineColumn(t.doc, at)
		t.fault("", line, column, "%s", what)
		return t
	}
	t.doc = joinSurrogates(t.doc)
	var root yaml.Node
	limits := loaderlimits.New(loaderlimits.DepthValue(depthMax))
	if err := yaml.Load(t.doc, &root, yaml.WithPlugin(limits)); err != nil {
		t.unread(err)
		return t
	}
	t.root = t.value(root.Content[0], "", 0)
	return t
}

// fault notes what is wrong at a place.
func (t *tree) fault(pointer string, line, column int, format string, args ...any) {
	t.faults = append(t.faults, Fault{Pointer: pointer, Line: line, Column: column,
		Detail: fmt.Sprintf(format, args...), Excerpt: excerpt(t.doc, line, column)})
}

// faultAt notes what is wrong with the value behind a pointer.
func (t *tree) faultAt(pointer, format string, args ...any) {
	p := t.places[pointer]
	t.fault(pointer, p.line, p.column, format, args...)
}

// faultAtKey notes what is wrong with the key behind a pointer.
func (t *tree) faultAtKey(pointer, format string, args ...any) {
	p := t.places[pointer]
	t.fault(pointer, p.keyLine, p.keyColumn, format, args...)
}

// unread notes why the text is not YAML.
func (t *tree) unread(err error) {
	var one *yaml.LoadError
	if !errors.As(err, &one) {
		t.fault("", 0, 0, "cannot be read: %s", err)
		return
	}
	detail := strings.TrimPrefix(one.Message, "yaml: ")
	if one.ContextMsg != "" {
		detail += ", " + one.ContextMsg
		if one.ContextMark.Line > 0 {
			detail += fmt.Sprintf(" that begins at %d:%d", one.ContextMark.Line, one.ContextMark.Column)
		}
	}
	t.fault("", one.Mark.Line, one.Mark.Column, "cannot be read: %s", detail)
}

// unreadable finds the first byte that no text has.
func unreadable(doc []byte) (at int, what string) {
	for i := 0; i < len(doc); {
		r, n := utf8.DecodeRune(doc[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			return i, fmt.Sprintf("is not UTF-8: byte %#x", doc[i])
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f:
			return i, fmt.Sprintf("has the control character %#x", r)
		}
		i += n
	}
	return 0, ""
}

// The first way out steps over an escaped backslash, after which u is a letter.
var surrogates = regexp.MustCompile(`\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)

// joinSurrogates writes pairs such as \ud83d\ude00, which JSON knows and YAML
// does not, as the one escape that YAML knows. Columns to the right of a pair
// are then those of the joined text, which is also the one that is shown.
func joinSurrogates(doc []byte) []byte {
	if !surrogates.Match(doc) || !json.Valid(doc) {
		return doc
	}
	return surrogates.ReplaceAllFunc(doc, func(pair []byte) []byte {
		if len(pair) == 2 {
			return pair
		}
		high, _ := strconv.ParseUint(string(pair[2:6]), 16, 16)
		low, _ := strconv.ParseUint(string(pair[8:12]), 16, 16)
		return fmt.Appendf(nil, `\U%08x`, utf16.DecodeRune(rune(high), rune(low)))
	})
}

// decimal is how a whole number is written. YAML's other ways are refused: what
// 010 is worth depends on the version of YAML.
var decimal = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// value makes a plain value of a node, following aliases.
func (t *tree) value(n *yaml.Node, pointer string, depth int) any {
	if t.nodes++; t.nodes > nodesMax || depth > depthMax {
		if !t.overgrown {
			t.fault(pointer, n.Line, n.Column, "is past what a program may hold: %d values, %d deep", nodesMax, depthMax)
		}
		t.overgrown = true
		t.nodes = nodesMax // and no further anywhere else
		return nil
	}
	p := t.places[pointer]
	p.line, p.column = n.Line, n.Column
	t.places[pointer] = p
	switch n.Kind {
	case yaml.AliasNode:
		return t.value(n.Alias, pointer, depth+1)
	case yaml.MappingNode:
		if n.ShortTag() == "!!map" {
			return t.object(n, pointer, depth)
		}
	case yaml.SequenceNode:
		if n.ShortTag() == "!!seq" {
			list := make([]any, len(n.Content))
			for i, c := range n.Content {
				list[i] = t.value(c, pointer+"/"+strconv.Itoa(i), depth+1)
			}
			return list
		}
	case yaml.ScalarNode:
		return t.scalar(n, pointer)
	}
	t.fault(pointer, n.Line, n.Column, "the tag %s means nothing in a program", n.Tag)
	return nil
}

func (t *tree) scalar(n *yaml.Node, pointer string) any {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		if i := strings.IndexFunc(n.Value, unprintable); i >= 0 {
			r, _ := utf8.DecodeRuneInString(n.Value[i:])
			t.fault(pointer, n.Line, n.Column, "holds the character %U, which does not print", r)
		}
		return n.Value
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if v, err := strconv.ParseInt(n.Value, 10, 64); err == nil && decimal.MatchString(n.Value) {
			return v
		}
		t.fault(pointer, n.Line, n.Column, "%s is not a whole number in plain decimal digits", cut(n.Value))
		return nil
	}
	t.fault(pointer, n.Line, n.Column, "the tag %s means nothing in a program", n.Tag)
	return nil
}

// name is how a key is shown that is none.
func name(k *yaml.Node) string {
	if k.Kind != yaml.ScalarNode {
		return "a list or an object"
	}
	return k.Value
}

// unprintable tells the characters that end lines or mean nothing on paper, so
// that a program reads the same however it is written down.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r&0xfffe == 0xfffe
}

func (t *tree) object(n *yaml.Node, pointer string, depth int) any {
	object := make(map[string]any, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" {
			t.fault(pointer, n.Content[i].Line, n.Content[i].Column, "%s is no key: keys are plain words", cut(name(k)))
			continue
		}
		at := pointer + "/" + escape(k.Value)
		if _, twice := object[k.Value]; twice {
			first := t.places[at]
			t.fault(at, k.Line, k.Column, "the key stands here a second time, after %d:%d", first.keyLine, first.keyColumn)
			continue
		}
		t.places[at] = place{keyLine: k.Line, keyColumn: k.Column}
		object[k.Value] = t.value(n.Content[i+1], at, depth+1)
	}
	return object
}

// cut shortens what a document has for showing it in a sentence.
func cut(s string) string {
	r := []rune(s)
	if len(r) <= 40 {
		return s
	}
	return string(r[:39]) + "…"
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

// escape writes a key as a part of a JSON pointer (RFC 6901).
func escape(key string) string { return escaper.Replace(key) }
