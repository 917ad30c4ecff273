package emulator

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
)

// BeyondLoopbackError is the refusal to listen at an address that other
// machines may reach, without [ServerOptions.BeyondLoopback].
type BeyondLoopbackError struct {
	// Address is the address that was asked for, host:port.
	Address string
}

// Error names the address.
func (e *BeyondLoopbackError) Error() string {
	return fmt.Sprintf("address %q: other machines may reach it, and only loopback is listened at unless BeyondLoopback is set", e.Address)
}

// check refuses options that cannot be, and returns the host to listen at. A
// host name counts as loopback only when it can mean nothing else.
func (o *ServerOptions) check() (host string, err error) {
	host, _, err = net.SplitHostPort(o.Address)
	switch {
	case err != nil:
		return "", fmt.Errorf("address %q: want host:port", o.Address)
	case !o.BeyondLoopback && !isLoopbackName(host):
		return "", &BeyondLoopbackError{Address: o.Address}
	case o.IdentityProviderPort < 0 || o.IdentityProviderPort > math.MaxUint16:
		return "", fmt.Errorf("port %d of the identity provider: want 0 to %d", o.IdentityProviderPort, math.MaxUint16)
	case o.AdminPassword != "" && !o.AdminUser:
		return "", errors.New("an admin password without an admin user")
	case strings.ContainsFunc(o.ControlToken, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("control token: want visible ASCII characters, which a header can carry")
	}
	return host, nil
}

// IsLoopbackAddress reports whether an address, host:port, can only be reached
// from this machine: its host is localhost, a name below it or a loopback
// address. An address without a host means every address of the machine.
func IsLoopbackAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopbackName(host)
}
