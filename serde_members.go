package azcontainerregistry

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// jsonReader is a model that reads itself from the JSON that it should be given.
type jsonReader interface {
	readJSON(data []byte) error
}

// members are the fields of a model by the names of their members in ACR's JSON.
type members map[string]jsonMember

type jsonMember struct {
	field string
	to    any // a pointer to the field
}

// unmarshal reads data into v as v0.2.3 does. What is no surprise is read at
// once. The rest is read by encoding/json member by member: what v holds already,
// JSON that is not what it should be, and what is then left in v.
func unmarshal[T any, P interface {
	*T
	jsonReader
}](v P, data []byte, m members) error {
	var zero T
	if reflect.ValueOf(v).Elem().IsZero() {
		err := v.readJSON(data)
		if err == nil || errors.Is(err, errLongList) {
			return err
		}
		*v = zero
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("unmarshalling type %T: %v", v, err)
	}
	for _, name := range memberNames(data, m) {
		if text, ok := raw[name]; ok {
			if err := readMember(text, m[name].to); err != nil {
				return fmt.Errorf("unmarshalling type %T: struct field %s: %v", v, m[name].field, err)
			}
			delete(raw, name)
		}
	}
	return nil
}

// memberNames returns the names of the members in the order of the text, then
// those that are null there.
func memberNames(data []byte, m members) (names []string) {
	s := wire.NewScanner(data)
	s.Object(func(name []byte) {
		if _, ok := m[string(name)]; ok {
			names = append(names, string(name))
		}
		s.Skip()
	})
	return slices.AppendSeq(names, maps.Keys(m))
}

func readMember(text json.RawMessage, to any) error {
	at, ok := to.(**time.Time)
	if !ok {
		return json.Unmarshal(text, to)
	}
	if string(text) == "null" {
		return nil
	}
	layout := `"` + time.RFC3339Nano + `"`
	if !hasZone.Match(text) {
		layout = `"2006-01-02T15:04:05.999999999"`
	}
	t, err := time.Parse(layout, strings.ToUpper(string(text)))
	if err != nil {
		return err
	}
	*at = &t
	return nil
}

// hasZone finds what a time without a zone doesn't end in (ACR protocol §1.7).
var hasZone = pattern.New(`(?:[Zz]|[+-](?:\d+:\d+)*)"*$`)

// errLongList is for lists that would fill the memory, however they are read.
var errLongList = errors.New("a list is too long")
