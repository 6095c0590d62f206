package run

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
)

// Help explains a configuration: one entry per key with its type, its value in
// cfg when that is not zero, its choices, and the comment that stands at the
// field in source, the Go file in which the struct is declared. Embed that file
// (//go:embed config.go), so that help and comments are the same words. Where
// one configuration embeds another, source is both files, one after the other.
func Help(source string, cfg any) (string, error) {
	fs, err := fields(cfg)
	if err != nil {
		return "", err
	}
	docs, err := fieldComments(source)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "  %s  %s", f.key, typeName(f.value.Type()))
		if f.enum != nil {
			fmt.Fprintf(&b, ", one of %s", strings.Join(f.enum, ", "))
		}
		if d := f.defaultText(); d != "" {
			fmt.Fprintf(&b, ", default %s", d)
		}
		b.WriteByte('\n')
		for line := range strings.Lines(docs[f.owner+"."+f.goName]) {
			b.WriteString("      " + strings.TrimSpace(line) + "\n")
		}
	}
	return b.String(), nil
}

// defaultText is the value that holds when nothing is set: the preset's own
// value, else the default tag, else the zero of the type.
func (f field) defaultText() string {
	if isSet(f.value) {
		return text(f.value)
	}
	if f.def != "" {
		return f.def
	}
	switch f.value.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.String:
		return ""
	}
	return text(f.value)
}

// fieldComments maps "Struct.Field" to the comment above the field or at the
// end of its line. source may be several Go files one after the other; the first
// that explains a field is heard.
func fieldComments(source string) (map[string]string, error) {
	docs := map[string]string{}
	files := strings.Split("\n"+source, "\npackage ")
	if len(files) > 1 {
		files = files[1:] // what stands before the first package clause is no code
	}
	for _, file := range files {
		if err := commentsIn("package "+file, docs); err != nil {
			return nil, err
		}
	}
	return docs, nil
}

func commentsIn(source string, docs map[string]string) error {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("source of the configuration: %w: embed the Go file that declares the struct", err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		st, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range st.Fields.List {
			doc := strings.TrimSpace(f.Doc.Text())
			if line := strings.TrimSpace(f.Comment.Text()); line != "" {
				doc = strings.TrimSpace(doc + "\n" + line)
			}
			for _, name := range f.Names {
				if key := spec.Name.Name + "." + name.Name; docs[key] == "" {
					docs[key] = doc
				}
			}
		}
		return true
	})
	return nil
}
