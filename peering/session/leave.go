package session

// attach gives a connection what to send, unless everything is about to end.
func (p *peer) attach(c *conn, stream Stream) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mute {
		c.out.stream.Store(&stream)
	}
	return !p.mute
}

// hush has nothing more said about routes: that sessions end one after the other is not
// for those to hear whose turn comes later, and who keep what they know.
func (p *peer) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
	for _, c := range p.conns {
		c.out.stream.Store(nil)
	}
}
