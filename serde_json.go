package azcontainerregistry

import (
	"bytes"
	"encoding/json"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// decode reads the whole of data by read. null changes nothing.
func decode(data []byte, read func(*modelReader)) error {
	s := &modelReader{Scanner: wire.NewScanner(data)}
	read(s)
	s.strings.flush()
	return s.End()
}

// member writes one member of an object unless it is nil. A field set to
// [azcore.NullValue] is written as null.
func member[T any](to *bytes.Buffer, name string, value *T) error {
	if value == nil {
		return nil
	}
	text := []byte("null")
	if !azcore.IsNullValue(value) {
		var err error
		if text, err = json.Marshal(*value); err != nil {
			return err
		}
	}
	if to.Len() > 1 {
		to.WriteByte(',')
	}
	to.WriteString(`"` + name + `":`)
	to.Write(text)
	return nil
}

func marshalLocks(canDelete, canList, canRead, canWrite *bool) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if err := checkAll(
		member(&b, "deleteEnabled", canDelete), member(&b, "listEnabled", canList),
		member(&b, "readEnabled", canRead), member(&b, "writeEnabled", canWrite),
	); err != nil {
		return nil, err
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func marshalToken(name string, value *string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if err := member(&b, name, value); err != nil {
		return nil, err
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads the registry's JSON.
func (v *ContainerRepositoryProperties) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.repository(v) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *ArtifactTagProperties) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.tagProperties(v) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *ArtifactManifestProperties) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.manifestProperties(v) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *ArtifactManifestPlatform) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.platform(v) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *TagAttributes) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.tag(v, &tagItem{}) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *ManifestAttributes) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.manifest(v, &manifestItem{}) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *TagList) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.tagList(v) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *Manifests) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.manifests(v) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *Repositories) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.repositories(v) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *TagWriteableProperties) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.lockMembers(&locks{}, v.fields()) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *ManifestWriteableProperties) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.lockMembers(&locks{}, v.fields()) })
}

// UnmarshalJSON reads the registry's JSON.
func (v *RepositoryWriteableProperties) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.lockMembers(&locks{}, v.fields()) })
}

// MarshalJSON writes the fields that aren't nil.
func (v TagWriteableProperties) MarshalJSON() ([]byte, error) {
	return marshalLocks(v.CanDelete, v.CanList, v.CanRead, v.CanWrite)
}

// MarshalJSON writes the fields that aren't nil.
func (v ManifestWriteableProperties) MarshalJSON() ([]byte, error) {
	return marshalLocks(v.CanDelete, v.CanList, v.CanRead, v.CanWrite)
}

// MarshalJSON writes the fields that aren't nil.
func (v RepositoryWriteableProperties) MarshalJSON() ([]byte, error) {
	return marshalLocks(v.CanDelete, v.CanList, v.CanRead, v.CanWrite)
}

// UnmarshalJSON reads the registry's JSON.
func (v *ACRAccessToken) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) {
		s.Object(func(name []byte) {
			if string(name) == "access_token" {
				v.AccessToken = s.stringPointer()
			} else {
				s.Skip()
			}
		})
	})
}

// MarshalJSON writes the token: the result is a secret.
func (v ACRAccessToken) MarshalJSON() ([]byte, error) {
	return marshalToken("access_token", v.AccessToken)
}

// UnmarshalJSON reads the registry's JSON.
func (v *ACRRefreshToken) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) {
		s.Object(func(name []byte) {
			if string(name) == "refresh_token" {
				v.RefreshToken = s.stringPointer()
			} else {
				s.Skip()
			}
		})
	})
}

// MarshalJSON writes the token: the result is a secret.
func (v ACRRefreshToken) MarshalJSON() ([]byte, error) {
	return marshalToken("refresh_token", v.RefreshToken)
}
