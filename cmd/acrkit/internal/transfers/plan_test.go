package transfers

import (
	"testing"
)

func FuzzTransferPlan(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit/1","kind":"TransferPlan","command":"acrkit push","source":"oci:x","destination":"local/a:1","plan":{"schema":"acrkit.plan/1","root":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001","size":2}}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parseTransferPlan(data); err == nil && p.Plan == nil {
			t.Error("a transfer's plan without a plan")
		}
	})
}

func FuzzKeptSync(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit/1","kind":"SyncPlan","command":"acrkit sync","source":"local","destination":"oci:x","plan":{"schema":"acrkit.syncplan/1","items":[]}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if kept, err := parseKeptSync(data); err == nil && (kept.Parsed == nil || kept.Kind != keptSyncKind) {
			t.Error("a sync's plan without a plan")
		}
	})
}
