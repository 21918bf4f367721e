package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// Array writes a JSON array element by element, each on a line of its own: valid
// JSON, and yet of use to those who only have grep.
type Array struct {
	out    *bufio.Writer
	sent   sent
	line   bytes.Buffer
	encode *json.Encoder
	count  int
}

// Begun says whether anything is on its way that cannot be taken back.
func (a *Array) Begun() bool { return a.sent.begun }

// NewArray begins one.
func NewArray(w http.ResponseWriter) *Array {
	w.Header().Set("Content-Type", "application/json")
	a := &Array{}
	a.out = bufio.NewWriterSize(&a.sent, 32<<10)
	a.sent.to = w
	a.encode = json.NewEncoder(&a.line)
	a.encode.SetEscapeHTML(false)
	return a
}

// sent knows whether anything is on its way that can't be taken back.
type sent struct {
	to    io.Writer
	begun bool
}

func (s *sent) Write(octets []byte) (int, error) {
	s.begun = true
	return s.to.Write(octets)
}

// Add writes one element. The error is that of the connection.
func (a *Array) Add(element any) error {
	a.line.Reset()
	if err := a.encode.Encode(element); err != nil {
		panic("web: " + err.Error()) // one of our own types
	}
	between := ",\n"
	if a.count == 0 {
		between = "[\n"
	}
	a.count++
	_, _ = a.out.WriteString(between) // an error stays for the next write
	_, err := a.out.Write(bytes.TrimSuffix(a.line.Bytes(), []byte("\n")))
	return err
}

// End closes the array.
func (a *Array) End() error {
	if a.count == 0 {
		_, _ = a.out.WriteString("[]\n")
	} else {
		_, _ = a.out.WriteString("\n]\n")
	}
	return a.out.Flush()
}

// Refusal is the answer where there is no other.
type Refusal struct {
	Error string `json:"error"`
}

// Refuse answers with an error.
func Refuse(w http.ResponseWriter, code int, err error) {
	WriteObject(w, code, Refusal{err.Error()})
}

// WriteObject answers with one object.
func WriteObject(w http.ResponseWriter, code int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(object) // nobody reads any more
}
