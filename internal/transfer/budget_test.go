package transfer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestBudgetGivesConnectionsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1, 0)
		ctx := context.Background()
		if err := b.Acquire(ctx); err != nil {
			t.Fatal(err)
		}
		order := make(chan int, 2)
		for i := range 2 {
			go func() {
				if b.Acquire(ctx) == nil {
					order <- i
				}
			}()
			synctest.Wait()
		}
		if b.TryAcquire() || !b.Crowded() {
			t.Error("passed those who wait")
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := b.Acquire(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		for want := range 2 {
			b.Release()
			if got := <-order; got != want {
				t.Errorf("turn of %d, want %d", got, want)
			}
		}
		b.Release()
		if b.used != 0 || len(b.waiters) != 0 {
			t.Errorf("%d in use, %d waiting", b.used, len(b.waiters))
		}
	})
}

func TestBudgetShrinksOnceABurstAndGrowsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(8, 0)
		for range 8 {
			if !b.TryAcquire() {
				t.Fatal("refused")
			}
		}
		for range 8 {
			b.Throttled()
		}
		if got := b.Limit(); got != 4 {
			t.Errorf("after a burst of 429: %d connections, want 4", got)
		}
		if !b.Crowded() {
			t.Error("8 in use of 4, and not crowded")
		}
		time.Sleep(20 * time.Second)
		if got := b.Limit(); got != 6 {
			t.Errorf("20 s later: %d connections, want 6", got)
		}
		time.Sleep(time.Minute)
		if got := b.Limit(); got != 8 {
			t.Errorf("a minute later: %d connections, want 8", got)
		}
	})
}

func TestBudgetWithoutALimitLearnsOne(t *testing.T) {
	b := NewBudget(0, 0)
	for range 6 {
		if err := b.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.Throttled()
	if got := b.Limit(); got != 3 {
		t.Errorf("got %d connections, want 3", got)
	}
}

func TestBudgetKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(0, 1000)
		began := time.Now()
		for range 11 {
			if err := b.Wait(context.Background(), 500); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 5*time.Second-rateCredit {
			t.Errorf("5000 bytes at 1000 a second took %s", took)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := b.Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLateSendersLoseNoRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(0, 1_000_000)
		began := time.Now()
		for i := range 5000 {
			if err := b.Wait(context.Background(), 1000); err != nil {
				t.Fatal(err)
			}
			if i%10 == 9 {
				time.Sleep(6 * time.Millisecond) // the scheduler had other things to do
			}
		}
		if took := time.Since(began); took < 4800*time.Millisecond || took > 5*time.Second {
			t.Errorf("5 MB at 1 MB a second took %s", took)
		}
		// A long rest doesn't add up to a long burst.
		time.Sleep(time.Hour)
		began = time.Now()
		for range 1000 {
			if err := b.Wait(context.Background(), 1000); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 850*time.Millisecond {
			t.Errorf("1 MB at 1 MB a second took %s after a rest", took)
		}
	})
}
