package repository

import (
	"go/ast"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// An exported signature that shows a third-party type makes every caller depend on it, so that nobody can replace the
// dependency in one place.
func TestExportedSignaturesAreOurs(t *testing.T) {
	for _, p := range packages(t) {
		for _, s := range p.sources(t) {
			foreign := foreignImports(s.file, p.Module.Path)
			if s.test || len(foreign) == 0 {
				continue
			}
			for _, exported := range exportedTypes(s.file) {
				ast.Inspect(exported, func(n ast.Node) bool {
					selector, ok := n.(*ast.SelectorExpr)
					if !ok {
						return true
					}
					if name, ok := selector.X.(*ast.Ident); ok && foreign[name.Name] != "" {
						t.Errorf("%s: exported signature has %s of %s, want no type of another module", s.at(n), selector.Sel.Name, foreign[name.Name])
					}
					return false
				})
			}
		}
	}
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// foreignImports maps the names of the third-party packages that a file of the module imports to their paths.
func foreignImports(file *ast.File, module string) map[string]string {
	foreign := map[string]string{}
	for _, i := range file.Imports {
		importPath, err := strconv.Unquote(i.Path.Value)
		if host, _, _ := strings.Cut(importPath, "/"); err != nil || !strings.Contains(host, ".") || strings.HasPrefix(importPath, module+"/") {
			continue
		}
		name := path.Base(importPath)
		if majorVersion.MatchString(name) {
			name = path.Base(path.Dir(importPath))
		}
		if i.Name != nil {
			name = i.Name.Name
		}
		foreign[name] = importPath
	}
	return foreign
}

// exportedTypes returns the type expressions in the exported declarations of a file: parameters, results, exported
// fields and the types of variables.
func exportedTypes(file *ast.File) []ast.Node {
	var shown []ast.Node
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || receiverExported(d.Recv)) {
				shown = append(shown, d.Type)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				shown = append(shown, exportedSpec(spec)...)
			}
		}
	}
	return shown
}

// receiverExported reports whether the type of a receiver is exported.
func receiverExported(fields *ast.FieldList) bool {
	exported := false
	ast.Inspect(fields.List[0].Type, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			exported = exported || name.IsExported()
			return false
		}
		return true
	})
	return exported
}

// exportedSpec returns the type expressions that one exported declaration shows.
func exportedSpec(spec ast.Spec) []ast.Node {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() && s.Type != nil {
				return []ast.Node{s.Type}
			}
		}
	case *ast.TypeSpec:
		structure, ok := s.Type.(*ast.StructType)
		switch {
		case !s.Name.IsExported():
			return nil
		case !ok:
			return []ast.Node{s.Type}
		}
		var shown []ast.Node
		for _, field := range structure.Fields.List {
			if len(field.Names) == 0 || field.Names[0].IsExported() {
				shown = append(shown, field.Type)
			}
		}
		return shown
	}
	return nil
}

func TestExportedTypesAreFound(t *testing.T) {
	const text = `package p
import yaml "example.com/yaml/v4"
import "example.com/ours/p"
type A struct { hidden yaml.A1; Shown yaml.A2; yaml.A3 }
type b struct { Shown yaml.B1 }
type C = yaml.C1
var d, E yaml.E1
func f(yaml.F1) {}
func G(map[string][]yaml.G1) (func(yaml.G2), error) { return nil, nil }
func (b) H(yaml.H1) {}
func (*A) I(...yaml.I1) {}
`
	file := mustParse(t, text)
	var got []string
	for _, shown := range exportedTypes(file) {
		ast.Inspect(shown, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				got = append(got, selector.Sel.Name)
			}
			return true
		})
	}
	if want := "A2 A3 C1 E1 G1 G2 I1"; strings.Join(got, " ") != want {
		t.Errorf("exportedTypes() finds %v, want %s", got, want)
	}
	if foreign := foreignImports(file, "example.com/ours"); len(foreign) != 1 || foreign["yaml"] != "example.com/yaml/v4" {
		t.Errorf("foreignImports() = %v, want yaml only", foreign)
	}
}
