package creds

import (
	"context"
)

func found(kind Kind) Link {
	return Link{Name: string(kind), Find: func(context.Context, Place) (Credential, string, error) {
		return Credential{Kind: kind}, "here", nil
	}}
}
