package recordings

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The reasons for which the emulator's responses differ from the recordings.
const (
	noConnection  = "the service leaves Connection out now and then"
	copiedThen    = "the service of 2022 copied a blob that came in one POST, as any other"
	toDelete      = "the storage host's mark for its own garbage collection; when it is set follows no rule that the recordings show"
	oldStorage    = "the storage host's protocol of 2016 had no creation time"
	earlierListed = "the tag of an earlier session, whose manifest the report does not have"
)

// reasons notes where the emulator is known to differ, and why.
func (w *writer) reasons(r *Row) {
	lines := w.table.Headers[r.Header]
	apart := func(line, reason string) {
		if r.Apart == nil {
			r.Apart = map[string]string{}
		}
		r.Apart[line] = reason
	}
	has := func(name string) bool {
		return slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+": ") })
	}
	if !has("X-Ms-Blob-Type") {
		if !has("Connection") {
			apart("+Connection: keep-alive", noConnection)
		}
		w.earlierTags(r, apart)
		return
	}
	for _, l := range lines {
		if strings.HasPrefix(l, "X-Ms-Meta-Acr_to_delete") {
			apart("-"+l, toDelete)
		}
	}
	if w.camePosted(r) && has("X-Ms-Copy-Id") {
		for _, l := range lines {
			if strings.HasPrefix(l, "X-Ms-Copy-") {
				apart("-"+l, copiedThen)
			}
		}
	}
	if slices.Contains(lines, "X-Ms-Version: 2016-05-31") {
		apart("-X-Ms-Version: 2016-05-31", oldStorage)
		apart("+X-Ms-Version: 2018-03-28", oldStorage)
		apart("+X-Ms-Creation-Time: <date>", oldStorage)
	}
}

// camePosted reports whether the content that a row gets was sent in one POST
// before.
func (w *writer) camePosted(r *Row) bool {
	content := w.names[w.all[r.N].gotten()]
	return slices.ContainsFunc(w.session.Rows[:r.N], func(o Row) bool {
		return o.Method == http.MethodPost && o.Status == http.StatusCreated && o.Body == content
	})
}

// earlierTags finds a listing with a tag that nothing in the session has pushed
// yet.
func (w *writer) earlierTags(r *Row, apart func(line, reason string)) {
	if !strings.HasSuffix(r.Path, "/tags/list") || r.Status != 200 {
		return
	}
	head, list, _ := strings.Cut(r.Shape, `"tags":[`)
	tags := strings.Split(strings.TrimSuffix(list, "]}"), ",")
	known := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		return !slices.ContainsFunc(w.all[:r.N], func(e exchange) bool {
			m := referencePattern.FindStringSubmatch(e.target)
			return m != nil && `"`+w.standIn(m[1])+`"` == tag
		}) && w.all[r.N].at.Year() == 2022
	})
	if len(known) == len(tags) {
		return
	}
	shape := head + `"tags":[` + strings.Join(known, ",") + "]}"
	apart("-body "+r.Shape, earlierListed)
	apart("+body "+shape, earlierListed)
	apart("-length "+r.Length, earlierListed)
	apart("+length "+fmt.Sprint(len(shape)+1), earlierListed)
}
