package azcontainerregistry

import "github.com/acrkit/azcontainerregistry/internal/transfer"

// TransferBudget limits what several transfers use together: connections, and
// bytes a second. One budget given to many uploads and downloads is shared by
// all of them and by the ranges inside each. It finds the concurrency that the
// registry accepts: a response of 429 halves the connections in use, and they grow
// back one by one while no other comes (ACR protocol §5.1). It is safe for
// concurrent use and holds no goroutine or timer.
type TransferBudget struct {
	budget *transfer.Budget
}

// NewTransferBudget returns a budget of at most that many connections at once
// and that many bytes a second, both directions added up. A value of 0 or less
// means no limit of that kind.
func NewTransferBudget(connections int, bytesPerSecond int64) *TransferBudget {
	return &TransferBudget{budget: transfer.NewBudget(connections, bytesPerSecond)}
}

// Connections returns how many connections the budget allows at the moment; it
// is 0 when there is no limit.
func (b *TransferBudget) Connections() int {
	if b == nil {
		return 0
	}
	return b.budget.Limit()
}

func (b *TransferBudget) shared() *transfer.Budget {
	if b == nil {
		return nil
	}
	return b.budget
}
