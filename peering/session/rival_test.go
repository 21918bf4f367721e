package session

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"heddle/bgp"
	"heddle/internal/virtual"
	"heddle/peering/wire"
)

// A host loses power and calls again, with a session that looks well: RFC 4724 §5 has it
// replaced where graceful restart was negotiated. Where it was not, it is asked for a
// sign of life.
func TestASessionThatGivesNoSignOfLifeIsReplaced(t *testing.T) {
	noTime := restarting(true)
	noTime.Capabilities.Restart.Time = 0
	other := opening()
	other.RouterID = 0xc0000209
	otherGraceful := restarting(true)
	otherGraceful.RouterID = 0xc0000209
	for _, c := range []struct {
		name          string
		first, second wire.Open
		kept          string
	}{
		{"without graceful restart", opening(), opening(), ""},
		{"with graceful restart as a helper only", noTime, noTime, ""},
		{"another router at the address", opening(), other, ""},
		{"another router, where that before could restart", restarting(true), otherGraceful, " (graceful ipv4+ipv6)"},
	} {
		for _, way := range []string{"it is gone", "it answers with a reset"} {
			t.Run(c.name+"; "+way, func(t *testing.T) {
				virtual.Test(t, func(t *testing.T) {
					b := newBench(t, reflector())
					defer b.end()
					old := b.connect()
					old.establish(c.first)
					again := b.connect()
					again.expect(wire.TypeOpen)
					why := "the peer called again, and this connection gave no sign of life"
					if way == "it is gone" {
						old.vanish()
					}
					again.open(c.second)
					if way != "it is gone" {
						synctest.Wait()
						old.Close() // as the reader sees a reset
						why = "peer closed the connection"
					}
					again.expect(wire.TypeKeepalive)
					again.send(wire.AppendKeepalive(nil)...)
					b.wantHistory("up rr2", fmt.Sprintf("down rr2: %s%s", why, c.kept), "up rr2")
				})
			})
		}
	}
}

// One that lives is asked, too, and wins.
func TestASessionThatLivesStaysAfterTheQuestion(t *testing.T) {
	virtual.Test(t, func(t *testing.T) {
		b := newBench(t, reflector())
		defer b.end()
		old := b.connect()
		old.establish(opening())
		again := b.connect()
		again.expect(wire.TypeOpen)
		asked := time.Now()
		again.open(opening())
		again.expectNotification(bgp.CodeCease, bgp.CeaseCollision)
		if took := time.Since(asked); took >= lifeTime {
			t.Errorf("refused after %s", took)
		}
		old.expect(wire.TypeKeepalive)
		b.wantHistory("up rr2")
	})
}
