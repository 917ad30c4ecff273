package rootfs

import (
	"io/fs"
	"maps"
)

// ChangeKind is how two images differ at a path.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Change is a path at which two images differ.
type Change struct {
	Path string
	Kind ChangeKind
	// Old and New are the file before and after; nil where it isn't.
	Old, New *File
	// What says what of a changed file differs: content, type, mode, owner, link,
	// device, attributes. Times are not compared.
	What []string
}

// Diff compares two file systems from a path on: what would have to change in
// old to make it new, in the order of the paths. A folder that was added or
// removed is followed by everything in it.
func Diff(old, new *Tree, name string) ([]Change, error) {
	before, after := map[string]File{}, map[string]File{}
	var order []string
	gather := func(t *Tree, into map[string]File) error {
		files, err := t.Walk(name)
		if err != nil {
			return err
		}
		for f := range files {
			into[f.Path] = f
		}
		return nil
	}
	errOld, errNew := gather(old, before), gather(new, after)
	if errOld != nil && errNew != nil {
		return nil, errOld
	}
	merged := newTree(old.image)
	for _, set := range []map[string]File{before, after} {
		for at := range set {
			if at != "/" {
				_ = merged.place(at)
			}
		}
	}
	merged.each("/", merged.root, func(at string, _ *node) bool {
		order = append(order, at)
		return true
	})
	var changes []Change
	for _, at := range order {
		a, was := before[at]
		b, is := after[at]
		switch {
		case was && !is:
			changes = append(changes, Change{Path: at, Kind: Removed, Old: &a})
		case is && !was:
			changes = append(changes, Change{Path: at, Kind: Added, New: &b})
		case was && is:
			if what := differences(&a, &b); len(what) > 0 {
				changes = append(changes, Change{Path: at, Kind: Changed, Old: &a, New: &b, What: what})
			}
		}
	}
	return changes, nil
}

// place makes a path of folders, for the order of what is compared.
func (t *Tree) place(name string) *node {
	at := t.root
	for _, part := range split(name) {
		if at.children[part] == nil {
			at.children[part] = impliedFolder(part)
		}
		at = at.children[part]
	}
	return at
}

// differences names what of two files differs.
func differences(a, b *File) []string {
	const permissions = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	if a.Mode.Type() != b.Mode.Type() {
		return []string{"type"} // and so nothing else can be compared
	}
	var what []string
	for _, d := range []struct {
		name    string
		differs bool
	}{
		{"content", a.Mode.IsRegular() && b.Mode.IsRegular() && a.Digest != b.Digest},
		{"mode", a.Mode&permissions != b.Mode&permissions},
		{"owner", a.UID != b.UID || a.GID != b.GID},
		{"link", a.Link != b.Link},
		{"device", a.Major != b.Major || a.Minor != b.Minor},
		{"attributes", !maps.Equal(a.Attributes, b.Attributes)},
	} {
		if d.differs {
			what = append(what, d.name)
		}
	}
	return what
}
