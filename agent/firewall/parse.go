package firewall

import (
	"bytes"
	"fmt"
	"strings"
)

// parseSave reads of what iptables-save printed that which is ours. Of rules of others
// it takes nothing but their number.
func parseSave(text []byte) (*view, error) {
	v := &view{chains: map[string]*chain{}, strays: map[string][]stray{}}
	count := map[string]int{} // rules met, by chain of others
	for len(text) > 0 {
		row := text
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			row, text = text[:end], text[end+1:]
		} else {
			text = nil
		}
		switch {
		case bytes.HasPrefix(row, []byte("# Table `")) && bytes.Contains(row, []byte("is incompatible")):
			return nil, fmt.Errorf("%s (rules that nft made there cannot be shown; remove them, or choose the legacy back end)", row[2:])
		case bytes.HasPrefix(row, []byte(":"+Prefix)):
			name, _, _ := strings.Cut(string(row[1:]), " ")
			v.add(name)
		default:
			v.rule(row, count)
		}
	}
	return v, nil
}

func (v *view) add(name string) *chain {
	c := v.chains[name]
	if c == nil {
		c = &chain{name: name}
		v.chains[name] = c
	}
	return c
}

func (v *view) rule(row []byte, count map[string]int) {
	if len(row) > 0 && row[0] == '[' { // counters, as with -c
		_, row, _ = bytes.Cut(row, []byte("] "))
	}
	row, ok := bytes.CutPrefix(row, []byte("-A "))
	if !ok {
		return
	}
	name, spec, _ := bytes.Cut(row, []byte(" "))
	if bytes.HasPrefix(name, []byte(Prefix)) {
		l := line{text: string(spec)}
		l.key, _ = ours(l.text)
		c := v.add(string(name))
		c.rules = append(c.rules, l)
		return
	}
	at := count[string(name)]
	count[string(name)]++
	if !bytes.Contains(spec, []byte("heddle")) {
		return
	}
	l := line{text: string(spec)}
	key, mine := ours(l.text)
	if mine {
		l.key = key
		v.strays[string(name)] = append(v.strays[string(name)], stray{at, l})
	}
}

// ours says whether a rule has our mark or goes to a chain of ours, and gives its
// fingerprint. Words within quotation marks are one word: a comment of others may speak
// of us.
func ours(spec string) (key string, mine bool) {
	var last string
	for spec != "" {
		var word string
		word, spec = nextWord(spec)
		switch last {
		case "--comment":
			if rest, ok := strings.CutPrefix(word, mark); ok {
				mine = true
				key, _, _ = strings.Cut(rest, " ")
			}
		case "-j", "-g":
			mine = mine || strings.HasPrefix(word, Prefix)
		}
		last = word
	}
	return key, mine
}

// nextWord takes a word off a line of iptables-save; a backslash keeps the next octet.
func nextWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " ")
	if !strings.HasPrefix(s, `"`) {
		word, rest, _ = strings.Cut(s, " ")
		return word, rest
	}
	if end := strings.IndexByte(s[1:], '"'); end >= 0 && !strings.Contains(s[1:end+1], `\`) {
		return s[1 : end+1], s[end+2:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}
