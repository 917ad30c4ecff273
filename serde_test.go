package azcontainerregistry

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
)

// FuzzModels compares what the models accept with encoding/json.
func FuzzModels(f *testing.F) {
	for _, seed := range []string{
		`{"registry":"r","imageName":"a","tags":[{"name":"v1","digest":"sha256:00","createdTime":"2023-02-19T00:32:09.2339719Z","lastUpdateTime":"2023-02-19T00:32:09","signed":false,"changeableAttributes":{"deleteEnabled":true,"writeEnabled":false}}]}`,
		`{"tags":null}`, `null`, `{"tags":[null]}`, `{"tags":[{"name":1}]}`, `{"tags":[`, `{"tags":[{},]}`, `{"tags":[{"changeableAttributes":{"deleteEnabled":null}}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 3 && string(data[:3]) == "\xef\xbb\xbf" {
			return // encoding/json doesn't skip a byte order mark
		}
		var tags TagList
		err := tags.UnmarshalJSON(data)
		if err == nil && !json.Valid(data) {
			t.Fatalf("%q: accepted", data)
		}
		if list, err := decodeTags(data); err == nil {
			for _, tag := range list.Tags {
				if tag == nil {
					t.Fatalf("%q: a nil tag in a checked page", data)
				}
			}
		}
		for _, make := range models {
			model := make()
			if err := model.UnmarshalJSON(data); err == nil && !json.Valid(data) {
				t.Fatalf("%q: accepted by %T", data, model)
			}
		}
	})
}

// models are all that is read from a registry's JSON.
var models = []func() json.Unmarshaler{
	func() json.Unmarshaler { return new(ACRAccessToken) },
	func() json.Unmarshaler { return new(ACRRefreshToken) },
	func() json.Unmarshaler { return new(ArtifactManifestPlatform) },
	func() json.Unmarshaler { return new(ArtifactManifestProperties) },
	func() json.Unmarshaler { return new(ArtifactTagProperties) },
	func() json.Unmarshaler { return new(ContainerRepositoryProperties) },
	func() json.Unmarshaler { return new(ManifestAttributes) },
	func() json.Unmarshaler { return new(ManifestWriteableProperties) },
	func() json.Unmarshaler { return new(Manifests) },
	func() json.Unmarshaler { return new(Repositories) },
	func() json.Unmarshaler { return new(RepositoryWriteableProperties) },
	func() json.Unmarshaler { return new(TagAttributes) },
	func() json.Unmarshaler { return new(TagList) },
	func() json.Unmarshaler { return new(TagWriteableProperties) },
}

// TestEveryModelIsFuzzed compares models with the types that serde_json.go reads.
func TestEveryModelIsFuzzed(t *testing.T) {
	source, err := os.ReadFile("serde_json.go")
	if err != nil {
		t.Fatal(err)
	}
	fuzzed := map[string]bool{}
	for _, make := range models {
		fuzzed[reflect.TypeOf(make()).Elem().Name()] = true
	}
	found := regexp.MustCompile(`func \(\w+ \*(\w+)\) UnmarshalJSON`).FindAllSubmatch(source, -1)
	for _, m := range found {
		if name := string(m[1]); !fuzzed[name] {
			t.Errorf("%s is read from the registry and not fuzzed: add it to models", name)
		}
	}
	if len(found) < len(models) {
		t.Errorf("%d types are read, %d are fuzzed", len(found), len(models))
	}
}

func TestModelsAreReadFromTheRegistrysJSON(t *testing.T) {
	var m Manifests
	if err := json.Unmarshal([]byte(`{"registry":"r.azurecr.io","imageName":"team/app","manifests":[
		{"digest":"sha256:H1","imageSize":4452000000,"createdTime":"2023-02-19T00:32:09.2339719Z","lastUpdateTime":"2023-02-19T00:32:09.01",
		"architecture":"amd64","os":"linux","mediaType":"m","configMediaType":"c","tags":["latest","v1"],"unknown":{"a":[1]},
		"changeableAttributes":{"deleteEnabled":true,"writeEnabled":false,"readEnabled":true,"listEnabled":false,"quarantineState":"Passed"}},
		{"digest":"sha256:H2","imageSize":0,"tags":null,"references":[{"digest":"sha256:C1","architecture":"arm","os":"linux"}]}]}`), &m); err != nil {
		t.Fatal(err)
	}
	want := Manifests{
		RegistryLoginServer: to.Ptr("r.azurecr.io"), Repository: to.Ptr("team/app"),
		Attributes: []*ManifestAttributes{
			{
				Digest: to.Ptr("sha256:H1"), Size: to.Ptr(int64(4452000000)), MediaType: to.Ptr("m"), ConfigMediaType: to.Ptr("c"),
				CreatedOn:     to.Ptr(time.Date(2023, 2, 19, 0, 32, 9, 233971900, time.UTC)),
				LastUpdatedOn: to.Ptr(time.Date(2023, 2, 19, 0, 32, 9, 10000000, time.UTC)),
				Architecture:  to.Ptr(ArtifactArchitectureAmd64), OperatingSystem: to.Ptr(ArtifactOperatingSystemLinux),
				Tags:                 []*string{to.Ptr("latest"), to.Ptr("v1")},
				ChangeableAttributes: &ManifestWriteableProperties{CanDelete: to.Ptr(true), CanWrite: to.Ptr(false), CanRead: to.Ptr(true), CanList: to.Ptr(false)},
			},
			{
				Digest: to.Ptr("sha256:H2"), Size: to.Ptr(int64(0)),
				RelatedArtifacts: []*ArtifactManifestPlatform{{Digest: to.Ptr("sha256:C1"), Architecture: to.Ptr(ArtifactArchitectureArm), OperatingSystem: to.Ptr(ArtifactOperatingSystemLinux)}},
			},
		},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBadJSONIsAnErrorThatSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		`{"tags":[{"name":1}]}`:                  `at byte 17: want a string, got '1'`,
		`{"tags":[{"createdTime":"yesterday"}]}`: `at byte 24: want a timestamp, got '"'`,
		`{"tags":[{"name":"v1"`:                  `unexpected end`,
		`{"tags":[]} {}`:                         `at byte 12: want the end, got '{'`,
		`<html>`:                                 `at byte 0: want {, got '<'`,
		``:                                       `unexpected end`,
	} {
		if err := new(TagList).readJSON([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
		if err := new(TagList).UnmarshalJSON([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "unmarshalling type *azcontainerregistry.TagList: ") {
			t.Errorf("%s: %v", text, err)
		}
	}
	var r ContainerRepositoryProperties
	if err := r.UnmarshalJSON([]byte(`{"tagCount":3000000000}`)); err == nil {
		t.Error("3000000000 fits into an int32")
	}
	r = ContainerRepositoryProperties{}
	if err := r.UnmarshalJSON([]byte(`{"tagCount":3e3,"manifestCount":2.0}`)); err != nil || *r.TagCount != 3000 || *r.ManifestCount != 2 {
		t.Errorf("%v", err)
	}
}

func TestLocksAreWrittenWithoutWhatIsNil(t *testing.T) {
	got, err := json.Marshal(&ClientUpdateTagPropertiesOptions{Value: &TagWriteableProperties{CanDelete: to.Ptr(false), CanRead: to.Ptr(true)}})
	if err != nil || string(got) != `{"Value":{"deleteEnabled":false,"readEnabled":true}}` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := json.Marshal(ACRAccessToken{AccessToken: to.Ptr(`a"b`)}); err != nil || string(got) != `{"access_token":"a\"b"}` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := json.Marshal(RepositoryWriteableProperties{}); err != nil || string(got) != `{}` {
		t.Errorf("%s, %v", got, err)
	}
}

// TestAModelThatHoldsSomethingIsReadOver reads into models that aren't empty, and
// again after a failure.
func TestAModelThatHoldsSomethingIsReadOver(t *testing.T) {
	v := TagAttributes{Name: to.Ptr("v1"), Digest: to.Ptr("d"), CreatedOn: to.Ptr(time.Unix(1, 0).UTC())}
	if err := v.UnmarshalJSON([]byte(`{"name":null,"createdTime":null,"changeableAttributes":{"readEnabled":true}}`)); err != nil {
		t.Fatal(err)
	}
	want := TagAttributes{Digest: to.Ptr("d"), CreatedOn: to.Ptr(time.Unix(1, 0).UTC()), ChangeableAttributes: &TagWriteableProperties{CanRead: to.Ptr(true)}}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	failed := TagList{}
	err := failed.UnmarshalJSON([]byte(`{"registry":"r","tags":[{"name":"a"}],"imageName":1}`))
	if diff := cmp.Diff(TagList{RegistryLoginServer: to.Ptr("r"), Tags: []*TagAttributes{{Name: to.Ptr("a")}}, Repository: to.Ptr("")}, failed); diff != "" || err == nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}
