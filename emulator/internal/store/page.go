package store

import (
	"bytes"

	bolt "go.etcd.io/bbolt"
)

// Order is the order of a listing.
type Order int

// The orders of listings: by name or digest, and by the time of the last
// update.
const (
	ByName Order = iota
	ByTime
	ByTimeDescending
)

// Cursor is where a listing continues: after this item. The zero value is the
// beginning.
type Cursor struct {
	Ticks Ticks // with ByTime and ByTimeDescending
	Name  string
	Set   bool
}

// scan yields the keys of a bucket behind a cursor until told to stop.
// Name-ordered buckets are keyed by name, time-ordered ones by ticks and name.
func scan(b *bolt.Bucket, order Order, after Cursor, yield func(key, value []byte) bool) {
	if b == nil {
		return
	}
	c := b.Cursor()
	start := []byte(after.Name)
	if order != ByName {
		start = timeKey(after.Ticks, after.Name)
	}
	var key, value []byte
	next := c.Next
	switch {
	case order == ByTimeDescending && !after.Set:
		key, value = c.Last()
		next = c.Prev
	case order == ByTimeDescending:
		next = c.Prev
		if key, _ = c.Seek(start); key == nil {
			key, value = c.Last()
		} else {
			key, value = c.Prev()
		}
	case !after.Set:
		key, value = c.First()
	default:
		if key, value = c.Seek(start); bytes.Equal(key, start) {
			key, value = c.Next()
		}
	}
	for ; key != nil; key, value = next() {
		if !yield(key, value) {
			return
		}
	}
}

// scanPrefix yields what follows a prefix in the keys that start with it,
// behind a given remainder when that is not empty.
func scanPrefix(b *bolt.Bucket, prefix []byte, after string, yield func(rest, value []byte) bool) {
	if b == nil {
		return
	}
	c := b.Cursor()
	start := append(bytes.Clone(prefix), after...)
	key, value := c.Seek(start)
	if after != "" && bytes.Equal(key, start) {
		key, value = c.Next()
	}
	for ; key != nil && bytes.HasPrefix(key, prefix); key, value = c.Next() {
		if !yield(key[len(prefix):], value) {
			return
		}
	}
}
