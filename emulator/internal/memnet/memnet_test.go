package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func memoryPair(t *testing.T) (client, server *Conn) {
	t.Helper()
	client, server = NewConns("127.0.0.1:40000", "127.0.0.1:443", false)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func TestMemoryConnKeepsBytesInOrder(t *testing.T) {
	client, server := memoryPair(t)
	data := make([]byte, 5<<20+13)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(source.Uint32())
	}
	done := make(chan error, 1)
	go func() {
		rest := data
		for len(rest) > 0 {
			n := min(len(rest), 1+source.IntN(100_000))
			if source.IntN(2) == 0 {
				if _, err := client.Write(rest[:n]); err != nil {
					done <- err
					return
				}
			} else if _, err := client.ReadFrom(bytes.NewReader(rest[:n])); err != nil {
				done <- err
				return
			}
			rest = rest[n:]
		}
		done <- client.Close()
	}()
	got, err := io.ReadAll(server)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, data) {
		t.Fatal("bytes were changed on the way")
	}
}

func TestMemoryConnDeliversWhatWasWrittenBeforeClose(t *testing.T) {
	client, server := memoryPair(t)
	if _, err := client.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if got, err := io.ReadAll(server); err != nil || string(got) != "last words" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("write to a closed peer: %v", err)
	}
}

func TestMemoryConnResetReachesThePeer(t *testing.T) {
	client, server := memoryPair(t)
	if _, err := client.Write([]byte("arrived")); err != nil {
		t.Fatal(err)
	}
	client.Reset()
	if n, err := server.Read(make([]byte, 10)); n != 7 || err != nil {
		t.Fatalf("read of what had arrived: %d, %v", n, err)
	}
	if _, err := server.Read(make([]byte, 10)); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("read after reset: %v", err)
	}
	if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("write after reset: %v", err)
	}
	if _, err := client.Read(make([]byte, 10)); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("own read after reset: %v", err)
	}
}

func TestMemoryConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memoryPair(t)
		start := time.Now()
		client.SetReadDeadline(start.Add(time.Minute))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("read: %v", err)
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Fatalf("read waited %v", waited)
		}
		client.SetWriteDeadline(time.Now().Add(time.Minute))
		if n, err := client.Write(make([]byte, PipeSize+1)); n != PipeSize || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("write: %d, %v", n, err)
		}
		// A deadline that is lifted no longer counts, one in the past does.
		client.SetDeadline(time.Time{})
		if _, err := server.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); err != nil {
			t.Fatalf("read without deadline: %v", err)
		}
		client.SetReadDeadline(time.Now().Add(-time.Second))
		var timeout net.Error
		if _, err := client.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("read past the deadline: %v", err)
		}
	})
}

func TestMemoryListenerStopsWaitingDialers(t *testing.T) {
	listener := NewListener()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := listener.Offer(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("offer with a cancelled context: %v", err)
	}
	listener.Close()
	if err := listener.Offer(t.Context(), nil); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("offer to a closed listener: %v", err)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("accept on a closed listener: %v", err)
	}
}
