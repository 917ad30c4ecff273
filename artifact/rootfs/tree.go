package rootfs

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
)

// maxLinks is how many symbolic links are followed on the path to one file, as
// Linux does it.
const maxLinks = 40

// maxDepth and maxPath are what Linux can name: a path of 4096 bytes.
const (
	maxPath  = 4096
	maxDepth = maxPath / 2
)

// Tree is the merged file system of an image. It may be used concurrently.
type Tree struct {
	image *Image
	root  *node
}

// node is a name in a folder.
type node struct {
	name     string
	inode    *inode
	layer    int              // that the name is from
	children map[string]*node // of a folder
}

// inode is what names stand for; hard links share one.
type inode struct {
	file    File
	ordinal int    // of the entry that has its content
	first   string // its first path
}

func newTree(i *Image) *Tree {
	return &Tree{image: i, root: impliedFolder("")}
}

// impliedFolder is a folder that no layer has an entry for.
func impliedFolder(name string) *node {
	return &node{
		name: name, layer: -1, children: map[string]*node{},
		inode: &inode{file: File{Mode: fs.ModeDir | 0o755, Layer: -1}, ordinal: -1},
	}
}

// apply puts a layer over the tree.
func (t *Tree) apply(layer int, entries []entry) error {
	for k := range entries {
		if err := t.applyEntry(layer, &entries[k]); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tree) applyEntry(layer int, e *entry) error {
	switch {
	case e.opaque:
		if dir := t.find(e.file.Path, 0); dir != nil && dir.children != nil {
			dir.dropBelow(layer)
		}
		return nil
	case e.whiteout:
		dir, base := t.find(path.Dir(e.file.Path), 0), path.Base(e.file.Path)
		if dir != nil && dir.children[base] != nil && dir.children[base].drop(layer) {
			delete(dir.children, base)
		}
		return nil
	case e.file.Path == "/":
		if e.file.isFolder() {
			t.root.inode, t.root.layer = newInode(e), layer
		}
		return nil
	}
	parent, err := t.makeParents(layer, path.Dir(e.file.Path))
	if err != nil {
		return t.image.layerError(layer, fmt.Sprintf("entry %q", e.file.Path), err)
	}
	base := path.Base(e.file.Path)
	made := &node{name: base, layer: layer}
	switch old := parent.children[base]; {
	case e.kind == tar.TypeLink:
		target := t.findNoFollow(e.target)
		if target == nil || target.children != nil {
			return t.image.layerError(layer, fmt.Sprintf("entry %q is a hard link to %q, which is no file", e.file.Path, e.target), nil)
		}
		made.inode = target.inode
	case e.file.isFolder():
		made.inode, made.children = newInode(e), map[string]*node{}
		if old != nil && old.children != nil {
			made.children = old.children
		}
	default:
		made.inode = newInode(e)
	}
	parent.children[base] = made
	return nil
}

func newInode(e *entry) *inode { return &inode{file: e.file, ordinal: e.ordinal} }

// dropBelow removes from a folder what is not of this layer.
func (n *node) dropBelow(layer int) {
	for name, child := range n.children {
		if child.drop(layer) {
			delete(n.children, name)
		}
	}
}

// drop reports whether nothing of the node is of this layer, and removes of a
// folder what isn't.
func (n *node) drop(layer int) bool {
	if n.children == nil {
		return n.layer != layer
	}
	n.dropBelow(layer)
	return n.layer != layer && len(n.children) == 0
}

// find goes to a path through symbolic links, which never point out of the
// image; nil where there is nothing.
func (t *Tree) find(name string, links int) *node { return t.walk(name, links, true) }

// findNoFollow is find that doesn't follow the last link.
func (t *Tree) findNoFollow(name string) *node { return t.walk(name, 0, false) }

// walk is find that follows the last link where last says so.
func (t *Tree) walk(name string, links int, last bool) *node {
	n, _ := t.resolve(name, links, last, func(parent *node, part string, _ int) (*node, error) { return parent.children[part], nil })
	return n
}

// resolve goes to a path through symbolic links, the last of them where last says
// so. enter gives the node of one part of it, in a folder at a depth: nil ends
// the path without a node, an error with that error.
func (t *Tree) resolve(name string, links int, last bool, enter func(parent *node, part string, depth int) (*node, error)) (*node, error) {
	at, trail := t.root, []*node{}
	parts := split(name)
	for k := 0; k < len(parts); k++ {
		part := parts[k]
		if part == ".." {
			if len(trail) > 0 {
				at, trail = trail[len(trail)-1], trail[:len(trail)-1]
			}
			continue
		}
		child, err := enter(at, part, len(trail))
		if child == nil || err != nil {
			return nil, err
		}
		if !child.inode.file.isLink() || k == len(parts)-1 && !last {
			at, trail = child, append(trail, at)
			continue
		}
		if links++; links > maxLinks {
			return nil, fmt.Errorf("the path %s goes through more than %d links", name, maxLinks)
		}
		target := child.inode.file.Link
		if path.IsAbs(target) {
			at, trail = t.root, trail[:0]
		}
		parts = append(split(target), parts[k+1:]...)
		k = -1
		if len(parts) > maxParts {
			return nil, fmt.Errorf("links make %s too long", name)
		}
	}
	return at, nil
}

// maxParts bounds a path that links make longer and longer.
const maxParts = 4096

// split gives the parts of a path; "..", which a link may have, stays.
func split(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(part string) bool { return part == "" || part == "." })
}

// makeParents goes to a folder, and makes what of it is missing. Links on the
// path are followed, as everything that unpacks images does.
func (t *Tree) makeParents(layer int, name string) (*node, error) {
	return t.resolve(name, 0, true, func(parent *node, part string, depth int) (*node, error) {
		child := parent.children[part]
		switch {
		case child == nil:
			child = impliedFolder(part)
			child.layer = layer
			parent.children[part] = child
		case child.inode.file.isLink():
			return child, nil
		case child.children == nil:
			return nil, fmt.Errorf("%s is no folder", part)
		}
		if depth+1 > maxDepth {
			return nil, fmt.Errorf("it is more than %d folders deep", maxDepth)
		}
		return child, nil
	})
}

// name gives every inode its first path.
func (t *Tree) name() {
	t.each("/", t.root, func(name string, n *node) bool {
		if n.inode.first == "" {
			n.inode.first = name
		}
		return true
	})
}

// each visits a node and what is below it, in the order of the paths' parts.
func (t *Tree) each(name string, n *node, visit func(string, *node) bool) bool {
	if !visit(name, n) {
		return false
	}
	for _, child := range slices.Sorted(maps.Keys(n.children)) {
		if !t.each(path.Join(name, child), n.children[child], visit) {
			return false
		}
	}
	return true
}

// file is the node as it is shown.
func (n *node) file(name string) File {
	f := n.inode.file
	f.Path = name
	if n.children == nil {
		f.Layer = n.layer
		if n.inode.first != name {
			f.HardLink = n.inode.first
		}
	}
	return f
}

// Lookup gives the file that a path means, through symbolic links; the last of
// them is followed where follow says so. Its Path is where it really is.
func (t *Tree) Lookup(name string, follow bool) (File, error) {
	n, where := t.locate(name, follow)
	if n == nil {
		return File{}, &NotFoundError{Path: path.Clean("/" + name)}
	}
	return n.file(where), nil
}

// locate is walk that also returns the resolved path.
func (t *Tree) locate(name string, follow bool) (*node, string) {
	n := t.walk(name, 0, follow)
	if n == nil {
		return nil, ""
	}
	if n == t.root {
		return n, "/"
	}
	// The way there without links: the parent's own, then the name.
	parts := split(path.Clean("/" + name))
	where := "/" + strings.Join(parts, "/")
	if t.walkPlain(where) == n {
		return n, where
	}
	found := ""
	t.each("/", t.root, func(at string, other *node) bool {
		if other == n {
			found = at
		}
		return found == ""
	})
	return n, found
}

// walkPlain goes to a path without following any link.
func (t *Tree) walkPlain(name string) *node {
	at := t.root
	for _, part := range split(name) {
		if at = at.children[part]; at == nil {
			return nil
		}
	}
	return at
}

// Children lists what is in a folder, in lexical order. Of anything else it
// lists the file itself.
func (t *Tree) Children(name string) (iter.Seq[File], error) { return t.list(name, 1) }

// Walk lists a file and everything below it, folders before what is in them.
func (t *Tree) Walk(name string) (iter.Seq[File], error) { return t.list(name, 1<<30) }

func (t *Tree) list(name string, depth int) (iter.Seq[File], error) {
	n, where := t.locate(name, true)
	if n == nil {
		if n, where = t.locate(name, false); n == nil {
			return nil, &NotFoundError{Path: path.Clean("/" + name)}
		}
	}
	return func(yield func(File) bool) {
		if n.children == nil || depth > 1 {
			t.each(where, n, func(name string, n *node) bool { return yield(n.file(name)) })
			return
		}
		for _, child := range slices.Sorted(maps.Keys(n.children)) {
			if !yield(n.children[child].file(path.Join(where, child))) {
				return
			}
		}
	}, nil
}

// Len is how many files, folders and links there are, the root left out.
func (t *Tree) Len() int {
	count := -1
	t.each("/", t.root, func(string, *node) bool { count++; return true })
	return count
}
