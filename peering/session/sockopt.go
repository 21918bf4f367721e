package session

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxPassword is what the kernel's MD5 key holds (TCP_MD5SIG_MAXKEYLEN).
const maxPassword = 80

// readPassword reads a TCP-MD5 key: the file's content without the line's end.
func readPassword(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("password file %s: want 1 to %d octets, have %d", file, maxPassword, len(password))
	}
	return password, nil
}

// tcpMD5Sig is struct tcp_md5sig of linux/tcp.h.
type tcpMD5Sig struct {
	addr      unix.RawSockaddrInet6 // the head of a sockaddr_storage
	_         [128 - unsafe.Sizeof(unix.RawSockaddrInet6{})]byte
	flags     uint8
	prefixlen uint8
	keylen    uint16
	ifindex   uint32
	key       [maxPassword]byte
}

const tcpMD5SigFlagPrefix = 1

// setMD5 sets the key for the peers in a prefix (RFC 2385), on a listener or
// before dialling. An empty password removes the key.
func setMD5(fd uintptr, prefix netip.Prefix, password string) error {
	sig := tcpMD5Sig{flags: tcpMD5SigFlagPrefix, prefixlen: uint8(prefix.Bits()), keylen: uint16(len(password))}
	copy(sig.key[:], password)
	addr := prefix.Addr()
	if addr.Is4() {
		in4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sig.addr))
		in4.Family, in4.Addr = unix.AF_INET, addr.As4()
	} else {
		sig.addr.Family, sig.addr.Addr = unix.AF_INET6, addr.As16()
	}
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG_EXT,
		uintptr(unsafe.Pointer(&sig)), unsafe.Sizeof(sig), 0)
	if errno == 0 || (password == "" && errno == unix.ENOENT) {
		return nil
	}
	return fmt.Errorf("TCP-MD5 key for %s: %w", prefix, errno)
}

// setHops turns on GTSM (RFC 5082): we send with the highest TTL, and what arrives
// with one that more than hops routers could have lowered is dropped.
func setHops(fd uintptr, remote netip.Addr, hops int) error {
	level, ttl, least := unix.IPPROTO_IP, unix.IP_TTL, unix.IP_MINTTL
	if remote.Is6() {
		level, ttl, least = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_MINHOPCOUNT
	}
	if err := unix.SetsockoptInt(int(fd), level, ttl, 255); err != nil {
		return fmt.Errorf("TTL security of %s: %w", remote, err)
	}
	if err := unix.SetsockoptInt(int(fd), level, least, 256-hops); err != nil {
		return fmt.Errorf("TTL security of %s: %w", remote, err)
	}
	return nil
}

// control runs f on a raw connection's descriptor and returns its error.
func control(raw syscall.RawConn, f func(fd uintptr) error) error {
	var err error
	if failed := raw.Control(func(fd uintptr) { err = f(fd) }); failed != nil {
		return failed
	}
	return err
}
