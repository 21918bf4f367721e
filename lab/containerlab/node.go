package containerlab

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// layer is what one place of a file says of nodes: defaults, a kind, or the node itself.
type layer struct {
	kind, group, image  string
	entrypoint, command []string
	exec                [][]string
	binds               []Bind
	env, sysctls        map[string]string
	labels              map[string]string
	health              healthcheck
}

// healthcheck is a command, and how long it may take.
type healthcheck struct {
	command []string
	most    time.Duration
}

// layer reads one. That a node has no network of containerlab's own, and is not
// started again when it ends, is how things are here: other wishes are refused.
func (r *reading) layer(what string, n ast.Node) layer {
	var l layer
	only := func(want, why string) func(string, ast.Node) {
		return func(name string, n ast.Node) {
			if got := r.text(name, n); got != want {
				r.fault(n, "%s: %s %q is not for heddle lab: write %q, %s", what, name, got, want, why)
			}
		}
	}
	r.read(n, what, readers{
		"kind": func(name string, n ast.Node) {
			if l.kind = r.text(name, n); l.kind != linux {
				r.fault(n, "%s: kind %q is not for heddle lab: all nodes are %q", what, l.kind, linux)
			}
		},
		"group":          func(name string, n ast.Node) { l.group = r.text(name, n) },
		"image":          func(name string, n ast.Node) { l.image = r.text(name, n) },
		"entrypoint":     func(name string, n ast.Node) { l.entrypoint = r.command(name, n) },
		"cmd":            func(name string, n ast.Node) { l.command = r.command(name, n) },
		"env":            func(name string, n ast.Node) { l.env = r.texts(name, n) },
		"sysctls":        func(name string, n ast.Node) { l.sysctls = r.sysctls(name, n) },
		"labels":         func(name string, n ast.Node) { l.labels = r.texts(name, n) },
		"healthcheck":    func(name string, n ast.Node) { l.health = r.health(name, n) },
		"network-mode":   only("none", "a node has the links of the file and no other"),
		"restart-policy": only("no", "a node that ends stays so until somebody starts it"),
		"exec": func(name string, n ast.Node) {
			for _, item := range r.list(name, n) {
				l.exec = append(l.exec, r.command(name, item))
			}
		},
		"binds": func(name string, n ast.Node) {
			for _, item := range r.list(name, n) {
				l.binds = append(l.binds, r.bind(item))
			}
		},
	})
	return l
}

const linux = "linux"

// bind reads SOURCE:TARGET, or SOURCE:TARGET:ro.
func (r *reading) bind(n ast.Node) Bind {
	parts := strings.Split(r.text("binds", n), ":")
	b := Bind{}
	switch {
	case len(parts) == 3 && parts[2] == "ro":
		b.ReadOnly = true
	case len(parts) == 3 && parts[2] == "rw":
	case len(parts) == 3:
		r.fault(n, "binds: the option %q is not for heddle lab: ro and rw are", parts[2])
		return b
	case len(parts) != 2:
		r.fault(n, "binds: want SOURCE:TARGET or SOURCE:TARGET:ro")
		return b
	}
	b.Source, b.Target = parts[0], path.Clean(parts[1])
	switch {
	case b.Source == "" || strings.HasPrefix(b.Source, "~") || strings.HasPrefix(b.Source, "__clab"):
		r.fault(n, "binds: the source %q is not for heddle lab: write a path, relative to this file or absolute", b.Source)
	case !path.IsAbs(b.Target) || b.Target == "/":
		r.fault(n, "binds: the target %q is not an absolute path of a file or folder", parts[1])
	}
	return b
}

// sysctls reads them; those outside net are the machine's, not the node's.
func (r *reading) sysctls(what string, n ast.Node) map[string]string {
	for _, f := range r.fields(n, what) {
		if !strings.HasPrefix(f.name, "net.") {
			r.fault(f.key, "sysctls: %q is the whole machine's: only net.… can be set for a node", f.name)
		}
	}
	return r.texts(what, n)
}

// healthMost is how long a healthcheck may take that does not say: what Docker gives it.
const healthMost = 30 * time.Second

// health reads a healthcheck. How often is containers' affair: here it is asked whenever
// somebody wants to know.
func (r *reading) health(what string, n ast.Node) healthcheck {
	check := healthcheck{most: healthMost}
	ignored := func(name string, n ast.Node) { r.text(name, n) }
	r.read(n, what, readers{
		"interval": ignored, "retries": ignored, "start-period": ignored,
		"timeout": func(name string, n ast.Node) {
			seconds, err := strconv.ParseUint(r.text(name, n), 10, 16)
			switch {
			case err != nil:
				r.fault(n, "healthcheck: timeout: want seconds, a whole number up to 65535")
			case seconds > 0: // none is none said
				check.most = time.Duration(seconds) * time.Second
			}
		},
		"test": func(name string, n ast.Node) {
			var list []string
			for _, item := range r.list(name, n) {
				list = append(list, r.text(name, item))
			}
			switch {
			case len(list) > 1 && list[0] == "CMD":
				check.command = list[1:]
			case len(list) == 2 && list[0] == "CMD-SHELL":
				check.command = []string{"sh", "-c", list[1]}
			default:
				r.fault(n, "healthcheck: want test: [CMD-SHELL, COMMAND] or [CMD, PROGRAM, ARGUMENT…]")
			}
		},
	})
	return check
}

// node joins what three layers say, the first of them the least.
func node(name string, layers ...layer) Node {
	n := Node{Name: name, Env: map[string]string{}, Sysctls: map[string]string{}, Labels: map[string]string{}}
	var entrypoint, command []string
	for _, l := range layers {
		if l.group != "" {
			n.Group = l.group
		}
		if l.image != "" {
			n.Image = l.image
		}
		if len(l.entrypoint) > 0 {
			entrypoint = l.entrypoint
		}
		if len(l.command) > 0 {
			command = l.command
		}
		if len(l.health.command) > 0 {
			n.Health, n.HealthMost = l.health.command, l.health.most
		}
		n.Exec = append(n.Exec, l.exec...)
		maps.Copy(n.Env, l.env)
		maps.Copy(n.Sysctls, l.sysctls)
		maps.Copy(n.Labels, l.labels)
		for _, b := range l.binds {
			same := func(other Bind) bool { return other.Target == b.Target }
			if i := slices.IndexFunc(n.Binds, same); i >= 0 {
				n.Binds[i] = b
				continue
			}
			n.Binds = append(n.Binds, b)
		}
	}
	n.Command = slices.Concat(entrypoint, command)
	return n
}
