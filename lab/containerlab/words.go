package containerlab

import (
	"errors"
	"strings"
)

// words splits a command as a shell does, but expands nothing: containerlab, too,
// hands it to no shell.
func words(text string) ([]string, error) {
	var list []string
	var word strings.Builder
	begun, quote, escaped := false, rune(0), false
	for _, r := range text {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case strings.ContainsRune(" \t\r\n", r):
			if begun {
				list = append(list, word.String())
				word.Reset()
			}
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	switch {
	case quote != 0:
		return nil, errors.New("a quotation mark is not closed")
	case escaped:
		return nil, errors.New("a backslash stands at the end")
	case begun:
		list = append(list, word.String())
	}
	return list, nil
}
