package fault

import (
	"reflect"
	"slices"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
)

// choosing are the fields of a rule that say which requests it applies to, and
// when. All others say what happens.
var choosing = []string{
	"Name", "Preset", "Routes", "Methods", "Registry", "Repository", "Reference", "Skip", "Count", "Probability", "Seed",
}

// TestEveryEffectComesFromAPresetAndCounts sets one effect after the other: each
// alone makes a rule, and a rule that names a preset takes over each.
func TestEveryEffectComesFromAPresetAndCounts(t *testing.T) {
	of := reflect.TypeFor[Rule]()
	whole := Rule{}
	for field := range of.Fields() {
		if slices.Contains(choosing, field.Name) {
			continue
		}
		var rule Rule
		set(t, reflect.ValueOf(&rule).Elem().FieldByName(field.Name))
		set(t, reflect.ValueOf(&whole).Elem().FieldByName(field.Name))
		if !rule.hasEffect() {
			t.Errorf("a rule with %s alone has no effect: add it to hasEffect", field.Name)
		}
	}
	got := Rule{}
	got.takeEffects(&whole)
	for field := range of.Fields() {
		if !slices.Contains(choosing, field.Name) && reflect.ValueOf(got).FieldByName(field.Name).IsZero() {
			t.Errorf("the field %s of a preset is lost: add it to takeEffects", field.Name)
		}
	}
}

func set(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("X"), reflect.ValueOf("y"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("x")
	case reflect.Int64, reflect.Int:
		v.SetInt(1)
	default:
		t.Fatalf("no value for %s", v.Type())
	}
}

// TestARuleKeepsItsOwnEffect: one that says what happens takes only the routes.
func TestARuleKeepsItsOwnEffect(t *testing.T) {
	routes := []protocol.Route{protocol.RouteGetManifest}
	got, err := Rule{Preset: "stall", BytesPerSecond: 5}.resolve(routes)
	if err != nil || got.Break != nil || got.BytesPerSecond != 5 || got.Name != "stall" {
		t.Errorf("%+v, %v", got, err)
	}
}
