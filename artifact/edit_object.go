package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// object is a JSON object that is changed in place: its members keep their
// order, and what isn't known here stays as it is.
type object struct {
	names  []string
	values map[string]json.RawMessage
}

// parseObject reads an object, and refuses one that has a member twice.
func parseObject(data []byte) (*object, error) {
	o := &object{values: map[string]json.RawMessage{}}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.Join(err, errors.New("it is no JSON object"))
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		key := name.(string) // in an object that is what comes where a value doesn't
		if _, twice := o.values[key]; twice {
			return nil, fmt.Errorf("it has %q twice", key)
		}
		o.names, o.values[key] = append(o.names, key), value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind it")
	}
	return o, nil
}

// get reads a member into v, and leaves v where there is none.
func (o *object) get(name string, v any) error {
	value, there := o.values[name]
	if !there {
		return nil
	}
	if err := json.Unmarshal(value, v); err != nil {
		return fmt.Errorf("its %s: %w", name, err)
	}
	return nil
}

// object gives a member that is an object; an empty one where there is none.
func (o *object) object(name string) (*object, error) {
	value := o.values[name]
	if value == nil || string(value) == "null" {
		return &object{values: map[string]json.RawMessage{}}, nil
	}
	member, err := parseObject(value)
	if err != nil {
		return nil, fmt.Errorf("its %s: %w", name, err)
	}
	return member, nil
}

// set changes a member, or adds it at the end; a value that is the same already
// keeps its form.
func (o *object) set(name string, v any) error {
	value, err := marshal(v)
	if err != nil {
		return err
	}
	old, there := o.values[name]
	if there && sameJSON(old, value) {
		return nil
	}
	if !there {
		o.names = append(o.names, name)
	}
	o.values[name] = value
	return nil
}

// setOr is set, and for an empty value removes the member.
func (o *object) setOr(name string, v any, empty bool) error {
	if empty {
		o.remove(name)
		return nil
	}
	return o.set(name, v)
}

func (o *object) remove(name string) {
	if _, there := o.values[name]; !there {
		return
	}
	delete(o.values, name)
	kept := o.names[:0:0]
	for _, other := range o.names {
		if other != name {
			kept = append(kept, other)
		}
	}
	o.names = kept
}

// MarshalJSON writes the members in their order.
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for k, name := range o.names {
		if k > 0 {
			b.WriteByte(',')
		}
		key, err := marshal(name)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(o.values[name])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal that leaves <, > and & as they are, so that what isn't
// changed isn't.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// sameJSON reports whether two documents say the same, in whatever form.
func sameJSON(a, b []byte) bool {
	var x, y any
	return decodeExactly(a, &x) == nil && decodeExactly(b, &y) == nil && reflect.DeepEqual(x, y)
}

// decodeExactly keeps numbers as they are written.
func decodeExactly(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode(v)
}
