package listen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
)

// servePaced serves one connection in memory and returns the client's end.
func servePaced(t *testing.T, handler http.HandlerFunc) *memnet.Conn {
	t.Helper()
	listener := memnet.NewListener()
	conns := &memnet.ConnTracker{}
	server := &http.Server{Handler: Paced(handler), ConnState: conns.Track, ReadHeaderTimeout: HeaderTimeout, IdleTimeout: IdleTimeout}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	client, end := memnet.NewConns("127.0.0.1:40000", "127.0.0.1:80", false)
	if err := listener.Offer(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
		<-done
		conns.Wait()
	})
	return client
}

func TestSilentSenderIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan error, 1)
		client := servePaced(t, func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			failed <- err
		})
		begin := time.Now()
		fmt.Fprint(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(begin); waited != progressTimeout {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestSilentHeaderIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := servePaced(t, func(http.ResponseWriter, *http.Request) { t.Error("half a header was served") })
		begin := time.Now()
		fmt.Fprint(client, "POST / HTTP/1.1\r\nHost: x\r\n")
		if _, err := io.ReadAll(client); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited != HeaderTimeout {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestSlowButMovingTransfersAreNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := servePaced(t, func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil || n != 100 {
				t.Errorf("received %d bytes, %v", n, err)
			}
			// What comes after the body may take its time as well.
			select {
			case <-time.After(10 * time.Minute):
			case <-r.Context().Done():
				t.Error("the silence after the body was taken for the client's leaving")
			}
			for range 20 {
				time.Sleep(progressTimeout - time.Second)
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
			}
		})
		fmt.Fprint(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
		for range 100 {
			time.Sleep(progressTimeout - time.Second)
			fmt.Fprint(client, "b")
		}
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != strings.Repeat("x", 20) {
			t.Errorf("got %q, %v", body, err)
		}
	})
}

func TestSilentReceiverIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan error, 1)
		client := servePaced(t, func(w http.ResponseWriter, _ *http.Request) {
			_, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 10*memnet.PipeSize)))
			failed <- err
		})
		begin := time.Now()
		fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(begin); waited < progressTimeout || waited > 2*progressTimeout {
			t.Errorf("waited %v", waited)
		}
	})
}

// A handler that answers without reading: the response arrives at once, however
// much of the body was announced, and the connection ends when the rest does
// not come.
func TestEarlyResponseIsNotHeldBackByTheBody(t *testing.T) {
	for _, announced := range []int{100, 100_000, 1_000_000, 50_000_000} {
		synctest.Test(t, func(t *testing.T) {
			client := servePaced(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
			begin := time.Now()
			fmt.Fprintf(client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nabc", announced)
			reader := bufio.NewReader(client)
			response, err := http.ReadResponse(reader, nil)
			if err != nil || response.StatusCode != http.StatusUnauthorized {
				t.Fatalf("%d bytes: %v %v", announced, response, err)
			}
			if waited := time.Since(begin); waited != 0 {
				t.Errorf("%d bytes: the response came after %v", announced, waited)
			}
			_, err = io.Copy(io.Discard, reader)
			if waited := time.Since(begin); err != nil || waited > leftoverTimeout+time.Second {
				t.Errorf("%d bytes: the connection ended after %v: %v", announced, waited, err)
			}
		})
	}
}

// A client that reads nothing before it has sent everything gets the response,
// and its connection goes on.
func TestClientThatSendsEverythingFirstMeetsAReset(t *testing.T) {
	const size = 8 << 20
	synctest.Test(t, func(t *testing.T) {
		client := servePaced(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusUnauthorized)
		})
		reader := bufio.NewReader(client)
		for range 2 {
			fmt.Fprintf(client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
			if _, err := client.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(reader, nil)
			if err != nil || response.StatusCode != http.StatusUnauthorized {
				t.Fatalf("got %v %v, want 401", response, err)
			}
		}
	})
}

// A body that nobody reads, and that comes byte by byte, isn't waited for
// without end.
func TestBodyThatTricklesInIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := servePaced(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		begin := time.Now()
		fmt.Fprint(client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
		for range 1000 {
			if _, err := client.Write([]byte("x")); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if waited := time.Since(begin); waited > maxLeftover+2*time.Second {
			t.Errorf("the connection ended after %v", waited)
		}
	})
}

func TestUnreadBodyIsNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := servePaced(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		fmt.Fprint(client, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || response.StatusCode != http.StatusUnauthorized || !response.Close {
			t.Fatalf("got %v %v, want 401 and the end of the connection", response, err)
		}
	})
}

func TestBodyThatIsReadIsAskedForAndTheConnectionGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := servePaced(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusAccepted)
		})
		reader := bufio.NewReader(client)
		for range 2 {
			fmt.Fprint(client, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
			if response, err := http.ReadResponse(reader, nil); err != nil || response.StatusCode != http.StatusContinue {
				t.Fatalf("got %v %v, want 100", response, err)
			}
			fmt.Fprint(client, "body")
			if response, err := http.ReadResponse(reader, nil); err != nil || response.StatusCode != http.StatusAccepted {
				t.Fatalf("got %v %v, want 202", response, err)
			}
			// Longer than what bounds a body that nobody reads.
			time.Sleep(leftoverTimeout + time.Minute)
		}
	})
}

// A handler that reads a body which stalls answers, and the connection ends.
func TestStalledBodyIsAnsweredAndEnded(t *testing.T) {
	for _, announced := range []int{100_000, 1_000_000} {
		synctest.Test(t, func(t *testing.T) {
			client := servePaced(t, func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					w.WriteHeader(http.StatusBadRequest)
				}
			})
			begin := time.Now()
			fmt.Fprintf(client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nabc", announced)
			reader := bufio.NewReader(client)
			if response, err := http.ReadResponse(reader, nil); err != nil || response.StatusCode != http.StatusBadRequest {
				t.Fatalf("got %v %v, want 400", response, err)
			}
			_, err := io.Copy(io.Discard, reader)
			if waited := time.Since(begin); err != nil || waited > progressTimeout+leftoverTimeout+time.Second {
				t.Errorf("the connection ended after %v: %v", waited, err)
			}
		})
	}
}
