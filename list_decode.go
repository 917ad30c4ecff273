package azcontainerregistry

import (
	"encoding/json"
	"fmt"
)

// checkPage refuses a page that is JSON and no list, and one with things in it
// that have no name: what is left would look like a shorter list.
func checkPage[T any](body []byte, member string, items []*T, name func(*T) *string) error {
	if len(items) == 0 {
		// A word anywhere in the body isn't yet the member.
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil {
			return err
		}
		if _, ok := members[member]; !ok {
			return fmt.Errorf("it has no %s", member)
		}
	}
	for i, item := range items {
		if item == nil || name(item) == nil {
			return fmt.Errorf("number %d of its %s has no name", i+1, member)
		}
	}
	return nil
}

func decodeRepositories(body []byte) (r Repositories, err error) {
	if err = r.readJSON(body); err == nil {
		err = checkPage(body, "repositories", r.Names, func(name *string) *string { return name })
	}
	if err != nil {
		return Repositories{}, err
	}
	return r, nil
}

func decodeTags(body []byte) (l TagList, err error) {
	if err = l.readJSON(body); err == nil {
		err = checkPage(body, "tags", l.Tags, func(t *TagAttributes) *string { return t.Name })
	}
	if err != nil {
		return TagList{}, err
	}
	return l, nil
}

func decodeManifests(body []byte) (m Manifests, err error) {
	if err = m.readJSON(body); err == nil {
		err = checkPage(body, "manifests", m.Attributes, func(a *ManifestAttributes) *string { return a.Digest })
	}
	if err != nil {
		return Manifests{}, err
	}
	return m, nil
}
