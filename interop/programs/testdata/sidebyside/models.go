package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

// members are the members of each model's JSON, and what they hold.
var members = map[string]string{
	"access_token": "s", "refresh_token": "s", "architecture": "s", "digest": "s", "os": "s", "manifest": "o", "registry": "s", "imageName": "s",
	"tag": "o", "changeableAttributes": "o", "createdTime": "t", "lastUpdateTime": "t", "manifestCount": "i", "tagCount": "i", "configMediaType": "s",
	"mediaType": "s", "references": "l", "imageSize": "i", "tags": "l", "deleteEnabled": "b", "listEnabled": "b", "readEnabled": "b", "writeEnabled": "b",
	"manifests": "l", "link": "s", "repositories": "l", "name": "s",
}

var values = map[string][]string{
	"s": {`""`, `"a"`, `"ä\n\u00e4\ud83d\ude00\ud800"`, `"<&>"`},
	"i": {"0", "-1", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "1.0", "1.5", "-0", `"1"`},
	"b": {"true", "false", `"true"`, "1"},
	"t": {
		`"2024-01-02T03:04:05Z"`, `"2024-01-02T03:04:05.1234567Z"`, `"2024-01-02T03:04:05.123456789123Z"`, `"2024-01-02T03:04:05+02:00"`, `"2024-01-02T03:04:05-07:00"`, `"2024-01-02T03:04:05"`, `"2024-01-02T03:04:05.5"`,
		`"2024-01-02t03:04:05z"`, `"2024-01-02 03:04:05Z"`, `"2024-01-02"`, `""`, `"0001-01-01T00:00:00"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.9999999Z"`, `"2024-02-30T00:00:00Z"`, `"2024-01-02T24:00:00Z"`, `"2024-01-02T03:04:60Z"`, `"2024-1-2T3:4:5Z"`, `"2024-01-02T03:04:05+0200"`, `"2024-01-02T03:04:05\u005a"`, "1704164645", `"2024-01-02T03:04:05,5Z"`, `"2024-01-02T03:04:05+25:00"`, `"null"`,
	},
	"o": {"{}", `{"name":"v1","digest":"d","deleteEnabled":true}`, "[]", `"x"`},
	"l": {"[]", `[null]`, `["a",null,"b"]`, `[{}]`, `[{"name":"a","digest":"d","architecture":"amd64"},null]`, `{}`, `"x"`, `[1]`},
}

// documentsOf are texts for a model: of each of its members, and of none.
func documentsOf(t reflect.Type) []string {
	documents := []string{"{}", "null", "[]", `"x"`, "1", "", "{", `{} x`, " {\n} ", `{"unknown":{"a":[1,{"b":null}]}}`, `{"a":}`}
	for member, kind := range members {
		v := reflect.New(t)
		_ = json.Unmarshal(fmt.Appendf(nil, `{%q:%s}`, member, values[kind][0]), v.Interface())
		if v.Elem().IsZero() {
			continue
		}
		documents = append(documents, fmt.Sprintf(`{%q:null}`, member), fmt.Sprintf(`{%q:"a"}`, strings.ToUpper(member)))
		for _, value := range values[kind] {
			documents = append(documents, fmt.Sprintf(`{%q:%s}`, member, value))
		}
		documents = append(documents, fmt.Sprintf(`{%[1]q:%[2]s,%[1]q:%[3]s}`, member, values[kind][0], values[kind][1]))
	}
	return documents
}

// dump writes v with what its pointers lead to, without the methods of its type.
func dump(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return "&" + dump(v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return "nil"
		}
		all := []string{}
		for i := range v.Len() {
			all = append(all, dump(v.Index(i)))
		}
		return fmt.Sprint("[", strings.Join(all, " "), "]")
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			_, offset := t.Zone()
			return fmt.Sprint(t.UTC().Format(time.RFC3339Nano), " ", offset, " ", t.Location() == time.UTC)
		}
		all := []string{}
		for i := range v.NumField() {
			if text := dump(v.Field(i)); text != "nil" {
				all = append(all, v.Type().Field(i).Name+":"+text)
			}
		}
		return "{" + strings.Join(all, " ") + "}"
	}
	return fmt.Sprintf("%#v", v.Interface())
}

// models reads and writes each model.
func models(s section) {
	for _, model := range structs {
		t := reflect.TypeOf(model).Elem()
		if _, ok := model.(json.Unmarshaler); !ok || strings.Contains(t.Name(), "Response") {
			continue
		}
		for _, document := range documentsOf(t) {
			what := t.Name() + " " + document
			v := reflect.New(t)
			err := json.Unmarshal([]byte(document), v.Interface())
			s.say(what, []any{dump(v), fmt.Sprint(err)})
			w := reflect.New(t)
			fill(w.Elem())
			err = w.Interface().(json.Unmarshaler).UnmarshalJSON([]byte(document))
			s.say(what+" over another", []any{dump(w), fmt.Sprint(err)})
			text, err := json.Marshal(v.Interface())
			s.say(what+" written", []any{string(text), fmt.Sprint(err)})
		}
	}
	for _, v := range []any{
		acr.TagWriteableProperties{},
		acr.TagWriteableProperties{CanDelete: to.Ptr(true), CanWrite: azcore.NullValue[*bool]()},
		acr.ManifestWriteableProperties{CanRead: to.Ptr(false), CanList: azcore.NullValue[*bool]()},
		&acr.RepositoryWriteableProperties{CanList: to.Ptr(true), CanRead: azcore.NullValue[*bool]()},
		acr.ACRAccessToken{AccessToken: to.Ptr("<a>&\u2028")},
		acr.ACRRefreshToken{RefreshToken: azcore.NullValue[*string]()},
		acr.TagAttributes{Name: to.Ptr("a"), CreatedOn: to.Ptr(time.Unix(0, 0).UTC())},
		acr.Manifests{},
		acr.ClientListTagsResponse{Link: to.Ptr("x"), TagList: acr.TagList{Link: to.Ptr("y")}},
		acr.ClientGetTagPropertiesResponse{},
		acr.ClientGetRepositoryPropertiesResponse{},
		acr.BlobClientUploadChunkResponse{Location: to.Ptr("x")},
	} {
		text, err := json.Marshal(v)
		s.say(fmt.Sprintf("written %T", v), []any{string(text), fmt.Sprint(err)})
	}
	var page acr.ClientListTagsResponse
	err := json.Unmarshal([]byte(`{"Link":"x","link":"y","tags":[{"name":"a"}]}`), &page)
	s.say("response read", []any{dump(reflect.ValueOf(page)), fmt.Sprint(err)})
}

// fill gives each field of a model a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.String:
		v.SetString("before")
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}
