package store

import (
	"fmt"
	"testing"
	"time"
)

// fill pushes manifests with tags: the larger the repository, the deeper its
// indexes.
func fillRepository(b testing.TB, r *Registry, repository string, tags int) {
	b.Helper()
	now := TicksOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for start := 0; start < tags; start += 1000 {
		err := r.Update(func(tx *Tx) error {
			if start == 0 {
				if err := tx.PutRepository(repository, Repository{Created: now, Updated: now}); err != nil {
					return err
				}
			}
			digest := fmt.Sprintf("sha256:%064x", start)
			m := Manifest{Digest: digest, MediaType: "m", Created: now, Updated: now + Ticks(start)}
			if err := tx.AddManifest(repository, m, Content{Raw: []byte(digest)}); err != nil {
				return err
			}
			for i := start; i < min(start+1000, tags); i++ {
				at := now + Ticks(i*7919%tags)
				if err := tx.PutTag(repository, Tag{Name: fmt.Sprintf("v%06d", i), Digest: digest, Created: at, Updated: at}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

const benchTags = 100_000

func BenchmarkPageOf100(b *testing.B) {
	s, err := Open(b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r := s.Registry("bench")
	fillRepository(b, r, "deep", benchTags)
	for _, order := range []Order{ByName, ByTime, ByTimeDescending} {
		b.Run(fmt.Sprint(order), func(b *testing.B) {
			after := Cursor{}
			for b.Loop() {
				n := 0
				err := r.View(func(tx *Tx) error {
					return tx.Tags("deep", order, after, func(tag Tag) bool {
						n++
						after = Cursor{Ticks: tag.Updated, Name: tag.Name, Set: true}
						return n < 100
					})
				})
				if err != nil {
					b.Fatal(err)
				}
				if n < 100 {
					after = Cursor{}
				}
			}
		})
	}
	b.Run("push of a tag", func(b *testing.B) {
		digest := fmt.Sprintf("sha256:%064x", 0)
		for i := 0; b.Loop(); i++ {
			at := TicksOf(time.Now())
			err := r.Update(func(tx *Tx) error {
				return tx.PutTag("deep", Tag{Name: fmt.Sprintf("new%06d", i), Digest: digest, Created: at, Updated: at})
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("delete of a manifest with 1000 tags", func(b *testing.B) {
		for i := 1000; b.Loop(); i += 1000 {
			err := r.Update(func(tx *Tx) error {
				m, ok, err := tx.Manifest("deep", fmt.Sprintf("sha256:%064x", i))
				if err != nil || !ok {
					return err
				}
				_, err = tx.DeleteManifest("deep", m)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenEmpty(b *testing.B) {
	for b.Loop() {
		s, err := Open(b.TempDir(), &Options{NoSync: true})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
