package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// file is one Go file, as far as the rules care.
type file struct {
	path    string // from the root of the repository
	test    bool
	lines   int
	imports []string
	doc     string // of the package clause
	inits   bool   // declares func init
	clock   bool   // calls time.Now, time.Since, time.After or a timer
	wall    bool   // counts the nanoseconds of the wall clock
	bubble  bool   // begins a bubble of testing/synctest
}

// pack is a package: a folder with Go files.
type pack struct {
	path  string // from the root of the repository
	files []file
}

// scan reads the tree below root.
func scan(root string) ([]pack, error) {
	byPath := map[string]*pack{}
	var order []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f, err := read(filepath.ToSlash(rel), source)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		if byPath[dir] == nil {
			byPath[dir] = &pack{path: dir}
			order = append(order, dir)
		}
		byPath[dir].files = append(byPath[dir].files, f)
		return nil
	})
	packs := make([]pack, 0, len(order))
	for _, dir := range order {
		packs = append(packs, *byPath[dir])
	}
	return packs, err
}

func read(path string, source []byte) (file, error) {
	f := file{path: path, test: strings.HasSuffix(path, "_test.go"), lines: strings.Count(string(source), "\n")}
	tree, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
	if err != nil {
		return f, err
	}
	f.doc = tree.Doc.Text()
	for _, spec := range tree.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, err
		}
		f.imports = append(f.imports, name)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			f.inits = f.inits || (n.Recv == nil && n.Name.Name == "init")
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok {
				f.clock = f.clock || (pkg.Name == "time" && clocks[n.Sel.Name])
				f.bubble = f.bubble || (pkg.Name == "synctest" && n.Sel.Name == "Test")
			}
			f.wall = f.wall || n.Sel.Name == "UnixNano"
		}
		return true
	})
	return f, nil
}

// clocks are the names of package time that ask what time it is, or wait.
var clocks = map[string]bool{
	"Now": true, "Since": true, "Until": true, "After": true, "AfterFunc": true,
	"NewTimer": true, "NewTicker": true, "Tick": true, "Sleep": true,
}
