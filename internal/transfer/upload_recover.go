package transfer

import (
	"context"
	"errors"
	"time"
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
	case f.Class == Unreachable && !u.reached:
		return false, f.Err
	case f.Class == OutOfStep, f.Class == StaleLocation, f.Class == SessionGone:
		do = u.reconcile(f)
	case f.Class == TooLarge && u.offset == 0:
		// Where it stands can't be told from nothing (Range: 0-0).
		do = beginAgain
	case f.Class == Refused && !u.sessionFailed && u.sum == nil:
		if err := u.verifySource(ctx, f); err != nil {
			return false, err
		}
	case do == giveUp:
		return false, f.Err
	}
	if !f.counted {
		u.cause = f.Err
	}
	if u.asked != 0 && !u.chunks.failed(f.Class, u.asked, u.passed) {
		return false, f.Err
	}
	// A size that is refused costs none of the retry budget: sizes run out by
	// themselves.
	pause, attempt := time.Duration(0), u.retries.count()
	if f.Class != TooLarge && !f.counted {
		var err error
		if pause, attempt, err = u.retries.failed(f); err != nil {
			return false, err
		}
	}
	u.sessionFailed = true
	if !f.counted {
		// What came of a failure that was told of is told by what follows.
		u.report.emit(Event{Kind: Retrying, Attempt: attempt, Wait: pause, Err: f.Err})
	}
	if err := sleep(ctx, pause); err != nil {
		return false, err
	}
	if u.session == nil {
		return false, nil
	}
	switch do {
	case askStatus:
		u.offsetUnknown = true
		return false, nil
	case goOn:
		return false, nil
	}
	return u.restart(ctx, f)
}

// reconcile decides how to agree with the registry on what it has, after it
// refused a request because of that. First it is what a 416 says, then the
// upload's status at the latest location, then a small chunk with its offset,
// which brings a 416; the upload begins again only when none of these helps.
func (u *upload) reconcile(f *Fault) remedy {
	refusedProbe := u.probing
	u.probing = false
	switch said := f.Status; {
	case said.Known && !said.Ambiguous && said.Offset != u.offset && u.possible(said.Offset):
		u.disagreed = true
		u.goOnAt(said.Offset)
		return goOn
	case refusedProbe:
		return beginAgain
	case f.ofStatus && f.Class == StaleLocation && u.offset > 0 && u.src.size > u.offset:
		u.probing, u.offsetUnknown = true, false
		return goOn
	case f.ofStatus, u.disagreed:
		return beginAgain
	}
	u.disagreed = true
	return askStatus
}

// restart drops the session. An upload that the registry doesn't know any more
// may be one that it completed without our hearing of it.
func (u *upload) restart(ctx context.Context, f *Fault) (bool, error) {
	if u.completed && f.Class != Refused {
		done, err := u.alreadyStored(ctx)
		if done {
			u.session = nil
		}
		if done || err != nil {
			return done, err
		}
	}
	if f.Class == SessionGone {
		u.session = nil
	} else {
		u.cancel(ctx)
	}
	u.report.position(0)
	u.report.confirm(0)
	u.report.emit(Event{Kind: Restarted})
	return false, nil
}

// alreadyStored reports whether the blob is there after all. The question is asked
// again while only the network stands in its way: the response may save sending
// everything once more.
func (u *upload) alreadyStored(ctx context.Context) (bool, error) {
	for {
		size, ok, err := u.exists(ctx)
		if err == nil {
			return ok && (size < 0 || size == u.src.size), nil
		}
		f := classify(ctx, err)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if !rules[f.Class].download {
			return false, nil // a registry that doesn't serve this is still sent the blob
		}
		if f.Class == Throttled {
			u.o.Budget.Throttled()
		}
		pause, attempt, err := u.retries.failed(f)
		if err != nil {
			return false, err
		}
		u.report.emit(Event{Kind: Retrying, Attempt: attempt, Wait: pause, Err: f.Err})
		if err := sleep(ctx, pause); err != nil {
			return false, err
		}
	}
}

// verifySource reads the source once more when the registry refuses a digest that
// was given beforehand, to say which side is wrong. It returns nil when it is
// the registry.
func (u *upload) verifySource(ctx context.Context, f *Fault) error {
	u.cause = f.Err
	if err := u.seek(0); err != nil {
		return err
	}
	sum := newDigester()
	ok, err := hashOnly(ctx, u.src, sum, -1)
	u.sourceBlocked = !ok
	if err == nil && sum.digest() != u.digest {
		err = &DigestMismatchError{Expected: u.digest, Actual: sum.digest(), Size: sum.at}
	}
	return err
}

// responded reports whether a request got a response, even a refusal.
func responded(err error) bool {
	if err == nil {
		return true
	}
	var f *Fault
	return errors.As(err, &f) && f.Class != Unreachable && f.Class != Connection && f.Class != Stalled && f.Class != Permanent
}
