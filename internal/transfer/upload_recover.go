package transfer

import (
	"context"
	"fmt"
)

// recover decides what is done about a failure. It reports true when the blob
// turns out to be there, and an error when nothing can be done.
func (u *upload) recover(ctx context.Context, failure error) (bool, error) {
	f := classify(ctx, failure)
	if f.Class == Throttled {
		u.o.Budget.Throttled()
	}
	do := rules[f.Class].upload
	switch {
	case f.Class == OutOfStep && u.stepped:
		// Asked, and still not agreed.
		do = beginAgain
	case f.Class == Refused && !u.troubled:
		return false, u.explain(ctx, f)
	case do == giveUp:
		return false, f.Err
	}
	u.stepped = f.Class == OutOfStep
	u.cause = f.Err
	if u.asked != 0 && !u.chunks.failed(f.Class, u.asked, u.passed) {
		return false, f.Err
	}
	pause, attempt, err := u.patience.failed(f)
	if err != nil {
		return false, err
	}
	u.troubled = true
	u.report.tell(Event{Kind: Retrying, Attempt: attempt, Wait: pause, Err: f.Err})
	if err := sleep(ctx, pause); err != nil {
		return false, err
	}
	if u.session == nil {
		return false, nil
	}
	if do == askStatus {
		u.unsure = true
		return false, nil
	}
	return u.restart(ctx, f)
}

// restart drops the session. An upload that the registry doesn't know any more
// may be one that it completed without our hearing of it.
func (u *upload) restart(ctx context.Context, f *Fault) (bool, error) {
	if u.completed && f.Class != Refused {
		if size, ok, err := u.exists(ctx); err == nil && ok && (size < 0 || size == u.src.size) {
			u.session = nil
			return true, nil
		}
	}
	if f.Class == SessionGone {
		u.session = nil
	} else {
		u.cancel(ctx)
	}
	if u.restarts++; u.restarts > restartsPerRetry*max(u.patience.most, 1) {
		return false, &RetriesExhaustedError{Attempts: u.patience.count(), Err: f.Err}
	}
	u.report.at(0)
	u.report.tell(Event{Kind: Restarted})
	return false, nil
}

// explain says which side is wrong when the registry refuses the digest of an
// upload in which nothing went wrong.
func (u *upload) explain(ctx context.Context, f *Fault) error {
	if u.sum != nil {
		return f.Err // the digest is of the very bytes that were sent
	}
	if err := u.src.seek(0); err != nil {
		return &SourceChangedError{Offset: -1, Err: f.Err}
	}
	sum := newDigester()
	ok, err := hashOnly(ctx, u.src, sum, -1)
	u.abandoned = !ok
	switch {
	case err != nil:
		return err
	case sum.digest() != u.digest:
		mismatch := &DigestMismatchError{Expected: u.digest, Actual: sum.digest(), Size: sum.at}
		return fmt.Errorf("%w: %w", mismatch, f.Err)
	}
	return &SourceChangedError{Offset: -1, Err: f.Err}
}
