package client_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// TestUploadGoesOnAtEachFormOfTheService cuts a part off at the services of 2023
// and of 2024 (ACR protocol §4.5): a cut costs that part, and the whole only
// where the service answers nothing at the location before.
func TestUploadGoesOnAtEachFormOfTheService(t *testing.T) {
	content := noise(60, 8<<20)
	for _, quirks := range []map[string]string{
		{"partial-chunk": "keep", "stale-upload": "resume"},
		{"partial-chunk": "keep", "stale-upload": "resume", "stale-chunk": "416"},
		{"partial-chunk": "discard", "stale-upload": "resume"},
		{"partial-chunk": "discard", "stale-upload": "invalid"},
		{"partial-chunk": "keep", "stale-upload": "invalid"},
	} {
		for name, fault := range map[string]emulator.Fault{
			"cut":         {Break: &emulator.FaultBreak{On: emulator.OnRequest, After: 1 << 20, How: emulator.BreakCut}},
			"answer lost": {Respond: &emulator.FaultResponse{Status: 502, AfterHandling: true}},
		} {
			for _, digest := range []string{"", digestOf(content)} {
				t.Run(fmt.Sprintf("%v %s %.10s", quirks, name, digest), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						registry := emulatortest.Start(t, &emulator.Options{Quirks: quirks})
						client := blobClient(t, registry)
						faulty := false
						resp, err := client.Upload(t.Context(), "app", bytes.NewReader(content), &azcontainerregistry.UploadOptions{
							Digest: digest, ChunkSize: 2 << 20,
							OnCheckpoint: func(c azcontainerregistry.UploadCheckpoint) {
								if !faulty && c.Offset >= 2<<20 {
									faulty = true
									fault.Routes, fault.Count = []emulator.Route{"upload-chunk"}, 1
									if err := registry.Emulator.SetFaults(fault); err != nil {
										t.Error(err)
									}
								}
							},
						})
						if err != nil {
							t.Fatal(err)
						}
						again := resp.BytesSent - int64(len(content))
						lost := quirks["stale-upload"] == "invalid" && (quirks["partial-chunk"] == "keep" || name == "answer lost")
						if !faulty || resp.Retries == 0 || !lost && again > 2<<20 {
							t.Errorf("%d bytes sent again, %+v", again, resp)
						}
					})
				})
			}
		}
	}
}
