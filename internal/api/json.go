package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// array writes a JSON array element by element, each on a line of its own: valid
// JSON, and yet of use to those who only have grep.
type array struct {
	out    *bufio.Writer
	sent   sent
	line   bytes.Buffer
	encode *json.Encoder
	count  int
}

func newArray(w http.ResponseWriter) *array {
	w.Header().Set("Content-Type", "application/json")
	a := &array{}
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

// add writes one element. The error is that of the connection.
func (a *array) add(element any) error {
	a.line.Reset()
	if err := a.encode.Encode(element); err != nil {
		panic("api: " + err.Error()) // one of our own types
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

// end closes the array.
func (a *array) end() error {
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

func refuse(w http.ResponseWriter, code int, err error) {
	writeObject(w, code, Refusal{err.Error()})
}

func writeObject(w http.ResponseWriter, code int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(object) // nobody reads any more
}
