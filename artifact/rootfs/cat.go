package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Cat writes the content of one file to w, and reads of the layers only what it
// must: from the top layer down to the one that has the file, and of that only
// up to the file. Of a layer with a table of contents, which its manifest
// vouches for (zstd:chunked, eStargz), it reads the table and the file. Symbolic
// links are followed. It returns the file, without its digest where no table
// tells it.
//
// What was read is verified where that is possible: a layer that was read to its
// end, and a file of a table. Otherwise, and where a layer has the same file
// twice or its table says something else than its archive, [Tree.Cat] is what
// agrees with unpacking. Where only the whole of the layers tells what a path
// means, since an upper layer may have written to it through a link that a lower
// one has, they are all read.
func (i *Image) Cat(ctx context.Context, name string, w io.Writer) (File, error) {
	s := &search{image: i, w: w, budget: i.newBudget(), known: make([][]entry, len(i.layers))}
	wanted := path.Clean("/" + name)
	at, from := wanted, len(i.layers)-1
	for links := 0; links <= maxLinks; links++ {
		found, err := s.find(ctx, at, from)
		switch {
		case errors.Is(err, errWhole):
			tree, err := i.Read(ctx)
			if err != nil {
				return File{}, err
			}
			return tree.Cat(ctx, name, w)
		case err != nil:
			return File{}, err
		case found == nil:
			return File{}, &NotFoundError{Path: wanted}
		case found.next == "":
			return found.file, nil
		}
		at, from = found.next, found.from
	}
	return File{}, &NotFoundError{Path: wanted, Rule: fmt.Sprintf("the path goes through more than %d links", maxLinks)}
}

// Cat writes the content of one file to w, and reads all of the layer that has
// it: it has been verified when Cat returns nil. Symbolic links are followed.
func (t *Tree) Cat(ctx context.Context, name string, w io.Writer) (File, error) {
	n, where := t.locate(name, true)
	if n == nil {
		return File{}, &NotFoundError{Path: path.Clean("/" + name)}
	}
	f := n.file(where)
	switch {
	case f.isFolder():
		return File{}, &NotFoundError{Path: where, Rule: ruleFolder}
	case !f.Mode.IsRegular():
		return File{}, &NotFoundError{Path: where, Rule: ruleNoContent}
	}
	wanted := map[place]*inode{{n.inode.file.Layer, n.inode.ordinal}: n.inode}
	return f, t.contents(ctx, wanted, func(_ *inode, content io.Reader) error {
		_, err := io.Copy(w, content)
		return err
	})
}

// What has no content.
const (
	ruleFolder    = "it is a folder"
	ruleNoContent = "it is a device or a pipe, which has no content"
)

// errWhole says that only the merged layers tell what a path means.
var errWhole = errors.New("all layers are needed")

// search looks for one file from the top layer down.
type search struct {
	image  *Image
	w      io.Writer
	budget *budget
	known  [][]entry // the entries of layers that were read whole
}

// found is what a search came to: a file that was written, or the path and the
// layer to continue with.
type found struct {
	file File
	next string
	from int
}

// find looks for a path in the layers from one on downwards; nil is nothing.
func (s *search) find(ctx context.Context, name string, from int) (*found, error) {
	if name == "/" {
		return nil, &NotFoundError{Path: name, Rule: ruleFolder}
	}
	folders := map[string]bool{"/": true} // parents that an upper layer has as folders
	doubtful := false                     // an upper layer may have written it through a link
	for layer := from; layer >= 0; layer-- {
		if err := s.readTable(ctx, layer); err != nil {
			return nil, err
		}
		step := &layerSearch{
			name: name, parts: split(name), layer: layer, folders: folders, top: len(s.image.layers) - 1,
			own: map[string]bool{"/": true}, doubtful: doubtful,
		}
		var result *found
		var err error
		if s.known[layer] != nil {
			result, err = s.lookAtKnown(ctx, layer, step)
		} else {
			result, err = s.read(ctx, layer, step)
		}
		switch {
		case err != nil || result != nil:
			return result, err
		case step.problem != nil || step.next != nil:
			return step.next, step.problem
		case step.hidden && step.doubtful:
			return nil, errWhole
		case step.hidden:
			return nil, nil
		}
		doubtful = step.doubtful
	}
	if doubtful {
		return nil, errWhole
	}
	return nil, nil
}

// readTable knows a layer by its table of contents, where it has one.
func (s *search) readTable(ctx context.Context, layer int) error {
	if s.known[layer] != nil {
		return nil
	}
	entries, err := s.image.table(ctx, layer, s.budget)
	s.known[layer] = entries
	return err
}

// lookAtKnown searches a layer whose entries are known, for the last that counts.
func (s *search) lookAtKnown(ctx context.Context, layer int, step *layerSearch) (*found, error) {
	for k := range s.known[layer] {
		step.look(&s.known[layer][k])
	}
	switch e := step.file; {
	case e == nil || step.problem != nil:
		return nil, nil
	case e.ordinal < 0:
		return &found{file: e.file}, s.image.writeExtent(ctx, layer, e, s.w)
	default:
		return s.write(ctx, layer, e.ordinal)
	}
}

// read searches a layer that hasn't been read whole yet.
func (s *search) read(ctx context.Context, layer int, step *layerSearch) (*found, error) {
	var result *found
	entries := []entry{}
	err := s.image.scan(ctx, layer, asNeeded, s.budget, func(e *entry, content io.Reader) error {
		entries = append(entries, *e)
		if step.look(e); !step.done() {
			return nil
		}
		if step.file != nil && step.problem == nil {
			if _, err := io.Copy(resultWriter{s.w}, content); err != nil {
				return s.image.unreadable(layer, err)
			}
			result = &found{file: e.file}
		}
		return errStop
	})
	if errors.Is(err, errStop) {
		s.budget.giveBack(entries)
		return result, nil
	}
	s.known[layer] = entries
	return result, err
}

// write writes the content of an entry of a layer that is known.
func (s *search) write(ctx context.Context, layer, ordinal int) (*found, error) {
	var result *found
	err := s.image.scan(ctx, layer, asNeeded, s.image.newBudget(), func(e *entry, content io.Reader) error {
		if e.ordinal != ordinal {
			return nil
		}
		if _, err := io.Copy(resultWriter{s.w}, content); err != nil {
			return s.image.unreadable(layer, err)
		}
		result = &found{file: e.file}
		return errStop
	})
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	return result, nil
}

// layerSearch looks at the entries of one layer.
type layerSearch struct {
	name     string
	parts    []string // of the name
	layer    int
	top      int
	folders  map[string]bool // parents of the name that this layer or one above has as folders
	own      map[string]bool // folders that this layer has so far
	doubtful bool            // what the name means can be told by all layers only

	file    *entry // the file itself
	next    *found // a link to follow
	hidden  bool   // lower layers have it no more
	problem error
}

func (l *layerSearch) done() bool { return l.file != nil || l.next != nil || l.problem != nil }

// look takes one entry into account.
func (l *layerSearch) look(e *entry) {
	at := e.file.Path
	exact, above := at == l.name, at == "/" || strings.HasPrefix(l.name, at+"/")
	switch {
	case e.opaque:
		l.hidden = l.hidden || above
		l.doubt(e)
	case e.whiteout:
		l.hidden = l.hidden || exact || above
		l.doubt(e)
	case exact:
		l.lookAtFile(e)
	case above && e.file.isFolder():
		l.folders[at], l.own[at] = true, true
	case above && l.folders[at] && !l.own[at]:
		// An upper layer has put a folder in the place of this.
		l.hidden = true
	case above && e.file.isLink():
		l.follow(at, e.file.Link, l.name[len(at):])
	case above:
		l.hidden = true // something else than a folder has taken its place
	default:
		if e.file.isFolder() {
			l.own[at] = true
		}
		l.doubt(e)
	}
}

// doubt notices an entry that may concern the name by way of a link: it has the
// name, or removes or replaces what is called as one of the folders above, and
// this layer doesn't say that all folders above it are folders.
func (l *layerSearch) doubt(e *entry) {
	base := path.Base(e.file.Path)
	switch last := l.parts[len(l.parts)-1]; {
	case e.file.Path == l.name, strings.HasPrefix(l.name, e.file.Path+"/"):
		return
	case base == last && !e.file.isFolder():
	case slices.Contains(l.parts, base) && (e.whiteout || e.opaque || !e.file.isFolder()):
	default:
		return
	}
	l.doubtful = l.doubtful || !l.sure(path.Dir(e.file.Path))
}

// sure reports that this layer has a folder and all above it as folders.
func (l *layerSearch) sure(folder string) bool {
	for ; folder != "/"; folder = path.Dir(folder) {
		if !l.own[folder] {
			return false
		}
	}
	return true
}

func (l *layerSearch) lookAtFile(e *entry) {
	// In a table the same name may come again, and the last one counts.
	l.file, l.next, l.problem = nil, nil, nil
	switch {
	case l.doubtful:
		l.problem = errWhole
	case e.file.isFolder():
		l.problem = &NotFoundError{Path: l.name, Rule: ruleFolder}
	case e.file.isLink():
		l.follow(l.name, e.file.Link, "")
	case e.kind == tar.TypeLink && e.target == l.name:
		l.problem = &NotFoundError{Path: l.name, Rule: "it is a hard link to itself"}
	case e.kind == tar.TypeLink:
		l.next = &found{next: e.target, from: l.layer}
	case e.kind == tar.TypeReg:
		l.file = e
	default:
		l.problem = &NotFoundError{Path: l.name, Rule: ruleNoContent}
	}
}

// follow resolves a link, from the top layer again. What ".." means
// behind a name that may be a link itself is told by all layers only.
func (l *layerSearch) follow(link, target, rest string) {
	at := "/"
	if !path.IsAbs(target) {
		at = path.Dir(link)
	}
	physical := l.sure(at)
	for _, part := range split(target) {
		if part == ".." && !physical || l.doubtful {
			l.problem = errWhole
			return
		}
		at = path.Join(at, part)
		physical = physical && part == ".."
	}
	l.next = &found{next: path.Join(at, rest), from: l.top}
}
