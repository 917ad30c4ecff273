package items

import (
	"strings"
)

// The items of the listings, as they are in JSON. Members are only ever added.

// Locks are the four attributes that ACR guards a thing with; what is false is
// forbidden.
type Locks struct {
	CanDelete bool `json:"canDelete"`
	CanList   bool `json:"canList"`
	CanRead   bool `json:"canRead"`
	CanWrite  bool `json:"canWrite"`
}

// Word is how a person calls the lock: nothing when all is allowed.
func (l Locks) Word() string {
	var off []string
	for _, attribute := range []struct {
		allowed bool
		name    string
	}{{l.CanWrite, "write"}, {l.CanDelete, "delete"}, {l.CanRead, "read"}, {l.CanList, "list"}} {
		if !attribute.allowed {
			off = append(off, attribute.name)
		}
	}
	if len(off) == 0 {
		return ""
	}
	return "no " + strings.Join(off, ", no ")
}

// Locked reports whether the thing may not be deleted.
func (l Locks) Locked() bool { return !l.CanDelete || !l.CanWrite }

// toLocks reads the attributes; what the registry doesn't say is allowed.
func toLocks(canDelete, canList, canRead, canWrite *bool) *Locks {
	allowed := func(b *bool) bool { return b == nil || *b }
	return &Locks{allowed(canDelete), allowed(canList), allowed(canRead), allowed(canWrite)}
}

// orNone words the locks, where the registry told any.
func (l Locks) orNone(told *Locks) string {
	if told == nil || l.Word() == "" {
		return "-"
	}
	return l.Word()
}

// OrAll words the locks that shall be.
func (l Locks) OrAll() string {
	if l.Word() == "" {
		return "all allowed"
	}
	return l.Word()
}
