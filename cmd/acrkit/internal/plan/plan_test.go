package plan

import (
	"testing"
)

func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit/1","kind":"Plan","command":"acrkit tag untag","items":[{"action":"tag.untag","registry":"local","repository":"app","tag":"1","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001"}]}`))
	f.Add([]byte(`{"schema":"acrkit/1","kind":"Plan","items":[{"action":"tag.lock","registry":"http://evil","repository":"app"}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePlan(data)
		if err != nil {
			return
		}
		for _, s := range p.Items {
			if actions[s.Action].do == nil || s.Repository == "" {
				t.Errorf("a plan with a step that cannot be done: %+v", s)
			}
			_ = sentence(s)
		}
	})
}
