package oracle

import (
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed hostile/*.hex
var hostile embed.FS

// Packet is octets that brought a BGP speaker down, or a network, and what should
// come of them. They are written after the advisories and RFCs that the head of each
// file names. Routes in them are of 10.66.0.0/24 and fd66::/64, via 192.0.2.9.
type Packet struct {
	Name     string // of the file
	Advisory string
	What     string
	// Stage is what the session is in when they arrive: "open" where an OPEN is due,
	// "confirm" where a KEEPALIVE is, "established", or "extended" for a session of
	// extended messages (RFC 8654).
	Stage string
	// Want is the reaction: "session" (it goes on to Established), "reset C/S" (a
	// NOTIFICATION of that code and subcode), "closed" (the end, without one), or, of the
	// IPv4 route, "used", "withdraw", "withdraw both", "discard TYPE", "pass TYPE HEX".
	Want   string
	Octets []byte
}

// Hostile lists the packets by name. It panics when a file is not as it should be.
func Hostile() []Packet {
	files, err := hostile.ReadDir("hostile")
	if err != nil {
		panic("oracle: " + err.Error())
	}
	var list []Packet
	for _, f := range files {
		text, err := hostile.ReadFile("hostile/" + f.Name())
		if err != nil {
			panic("oracle: " + err.Error())
		}
		p, err := parsePacket(string(text))
		if err != nil {
			panic(fmt.Sprintf("oracle: %s: %v", f.Name(), err))
		}
		p.Name = strings.TrimSuffix(f.Name(), ".hex")
		list = append(list, p)
	}
	return list
}

func parsePacket(text string) (p Packet, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "#":
			if p.Advisory == "" {
				p.Advisory = value
			} else {
				p.What = strings.TrimSpace(p.What + " " + value)
			}
		case "stage:":
			p.Stage = value
		case "want:":
			p.Want = value
		default:
			octets, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
			if err != nil {
				return p, err
			}
			p.Octets = append(p.Octets, octets...)
		}
	}
	if p.Advisory == "" || p.What == "" || p.Stage == "" || p.Want == "" || len(p.Octets) == 0 {
		return p, fmt.Errorf("want an advisory, what it is, stage, want and octets, have %+v", p)
	}
	return p, nil
}
