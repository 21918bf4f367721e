package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"heddle/topology"
)

// Format writes objects as documents of one file, in the order given.
func Format(objects []topology.Object) ([]byte, error) {
	var out bytes.Buffer
	for i, object := range objects {
		if i > 0 {
			out.WriteString("---\n")
		}
		key := object.Key()
		fmt.Fprintf(&out, "kind: %s\n", key.Kind)
		node, name, ok := strings.Cut(key.Name, "/")
		if ok {
			fmt.Fprintf(&out, "node: %s\n", text(node))
		} else {
			name = key.Name
		}
		if key.Kind != topology.KindSettings {
			fmt.Fprintf(&out, "name: %s\n", text(name))
		}
		_, value := topology.Encode(object)
		w := writer{out: &out, decoder: json.NewDecoder(bytes.NewReader(value))}
		w.decoder.UseNumber()
		if err := w.value(""); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return out.Bytes(), nil
}

// writer turns the value of an object into block style YAML while it reads it, so
// that fields keep their order. It writes itself, because the YAML library puts
// quotes around less than it must (.inf). There are no empty lists or objects in
// an encoded value, but for the value itself.
type writer struct {
	out     *bytes.Buffer
	decoder *json.Decoder
}

// value writes a scalar behind a blank, and ends the line; or a list or object on
// lines of its own at the indent.
func (w writer) value(indent string) error {
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	begin, nested := token.(json.Delim)
	if !nested {
		w.scalar(token)
		return nil
	}
	if indent != "" {
		w.out.WriteByte('\n')
	}
	return w.lines(begin, indent, indent)
}

func (w writer) scalar(token json.Token) {
	if s, ok := token.(string); ok {
		token = text(s)
	}
	fmt.Fprintf(w.out, " %v\n", token)
}

// lines writes the items of a list or the fields of an object, up to its end. The
// first may stand behind what is on its line already.
func (w writer) lines(begin json.Delim, first, indent string) error {
	for lead := first; w.decoder.More(); lead = indent {
		w.out.WriteString(lead)
		if begin == '[' {
			if err := w.item(indent); err != nil {
				return err
			}
			continue
		}
		name, err := w.decoder.Token()
		if err != nil {
			return err
		}
		fmt.Fprintf(w.out, "%v:", name)
		if err := w.value(indent + "  "); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

// item writes one item of a list; an object begins on the line of the dash.
func (w writer) item(indent string) error {
	w.out.WriteByte('-')
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	if begin, nested := token.(json.Delim); nested {
		return w.lines(begin, " ", indent+"  ")
	}
	w.scalar(token)
	return nil
}

// harmless is text that means itself in every version of YAML, unless it is one of
// the words below.
var harmless = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./-]*$`)

var words = map[string]bool{
	"true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true, "null": true,
}

// text quotes what might be read as anything but text.
func text(s string) string {
	if harmless.MatchString(s) && !words[strings.ToLower(s)] || isAddress(s) {
		return s
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string is always encoded
	return strings.TrimSpace(quoted.String())
}

// isAddress knows addresses, prefixes and MAC addresses, which read better without
// quotes. A colon at either end is another thing to YAML.
func isAddress(s string) bool {
	if strings.HasPrefix(s, ":") || strings.HasSuffix(s, ":") {
		return false
	}
	_, errAddr := netip.ParseAddr(s)
	_, errPrefix := netip.ParsePrefix(s)
	_, errMAC := topology.ParseMAC(s)
	return errAddr == nil || errPrefix == nil || errMAC == nil
}
