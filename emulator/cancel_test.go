package emulator

import (
	"context"
	"strings"
	"sync"
	"testing"
)

// races is how often each pair of requests is sent at the same time.
const races = 1500

// Two requests on one upload at the same time: one of them wins, the other is
// told so, and nothing fails.
func TestCancellingRacesNeverFail(t *testing.T) {
	r := startRegistry(t, &Options{NoSync: true})
	digest := sha256Of([]byte("hello"))
	requests := map[string]func(location string) (answer, error){
		"DELETE": func(location string) (answer, error) { return r.try(context.Background(), "DELETE", location, nil) },
		"PATCH": func(location string) (answer, error) {
			return r.try(context.Background(), "PATCH", location, strings.NewReader("hello"))
		},
		"PUT": func(location string) (answer, error) {
			return r.try(context.Background(), "PUT", location+"&digest="+digest, strings.NewReader("hello"))
		},
		"GET": func(location string) (answer, error) { return r.try(context.Background(), "GET", location, nil) },
	}
	for _, pair := range [][2]string{{"DELETE", "PATCH"}, {"DELETE", "PUT"}, {"DELETE", "DELETE"}, {"PUT", "PUT"}, {"DELETE", "GET"}} {
		t.Run(pair[0]+" "+pair[1], func(t *testing.T) {
			for range races {
				location := r.startUpload("app")
				var both sync.WaitGroup
				var answers [2]answer
				for i, name := range pair {
					both.Go(func() {
						a, err := requests[name](location)
						if err != nil {
							t.Errorf("%s: %v", name, err)
							return
						}
						answers[i] = a
					})
				}
				both.Wait()
				won := 0
				for i, a := range answers {
					if a.Response == nil || a.StatusCode >= 500 {
						t.Fatalf("%s beside %s: %v %s", pair[i], pair[1-i], a.Response, a.body)
					}
					if a.StatusCode < 300 {
						won++
					}
				}
				if ends := pair[1] == "PUT" || pair[1] == "DELETE"; ends && won != 1 {
					t.Fatalf("%d of the requests won: %d %s, %d %s", won, answers[0].StatusCode, answers[0].body, answers[1].StatusCode, answers[1].body)
				}
			}
		})
	}
}
