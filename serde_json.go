package azcontainerregistry

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// decode reads the whole of data by read. null changes nothing.
func decode(data []byte, read func(*modelReader)) error {
	s := &modelReader{Scanner: wire.NewScanner(data)}
	read(s)
	s.strings.flush()
	err := s.End()
	if s.tooLong {
		return fmt.Errorf("%w: %w", errLongList, err)
	}
	return err
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

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *ContainerRepositoryProperties) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"changeableAttributes": {"ChangeableAttributes", &v.ChangeableAttributes},
		"createdTime":          {"CreatedOn", &v.CreatedOn},
		"lastUpdateTime":       {"LastUpdatedOn", &v.LastUpdatedOn},
		"manifestCount":        {"ManifestCount", &v.ManifestCount},
		"imageName":            {"Name", &v.Name},
		"registry":             {"RegistryLoginServer", &v.RegistryLoginServer},
		"tagCount":             {"TagCount", &v.TagCount},
	})
}

func (v *ContainerRepositoryProperties) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.repository(v) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *ArtifactTagProperties) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"registry":  {"RegistryLoginServer", &v.RegistryLoginServer},
		"imageName": {"RepositoryName", &v.RepositoryName},
		"tag":       {"Tag", &v.Tag},
	})
}

func (v *ArtifactTagProperties) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.tagProperties(v) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *ArtifactManifestProperties) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"manifest":  {"Manifest", &v.Manifest},
		"registry":  {"RegistryLoginServer", &v.RegistryLoginServer},
		"imageName": {"RepositoryName", &v.RepositoryName},
	})
}

func (v *ArtifactManifestProperties) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.manifestProperties(v) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *ArtifactManifestPlatform) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"architecture": {"Architecture", &v.Architecture},
		"digest":       {"Digest", &v.Digest},
		"os":           {"OperatingSystem", &v.OperatingSystem},
	})
}

func (v *ArtifactManifestPlatform) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.platform(v) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *TagAttributes) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"changeableAttributes": {"ChangeableAttributes", &v.ChangeableAttributes},
		"createdTime":          {"CreatedOn", &v.CreatedOn},
		"digest":               {"Digest", &v.Digest},
		"lastUpdateTime":       {"LastUpdatedOn", &v.LastUpdatedOn},
		"name":                 {"Name", &v.Name},
	})
}

func (v *TagAttributes) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.tag(v, &tagItem{}) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *ManifestAttributes) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"architecture":         {"Architecture", &v.Architecture},
		"changeableAttributes": {"ChangeableAttributes", &v.ChangeableAttributes},
		"configMediaType":      {"ConfigMediaType", &v.ConfigMediaType},
		"createdTime":          {"CreatedOn", &v.CreatedOn},
		"digest":               {"Digest", &v.Digest},
		"lastUpdateTime":       {"LastUpdatedOn", &v.LastUpdatedOn},
		"mediaType":            {"MediaType", &v.MediaType},
		"os":                   {"OperatingSystem", &v.OperatingSystem},
		"references":           {"RelatedArtifacts", &v.RelatedArtifacts},
		"imageSize":            {"Size", &v.Size},
		"tags":                 {"Tags", &v.Tags},
	})
}

func (v *ManifestAttributes) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.manifest(v, &manifestItem{}) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *TagList) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"link":      {"Link", &v.Link},
		"registry":  {"RegistryLoginServer", &v.RegistryLoginServer},
		"imageName": {"Repository", &v.Repository},
		"tags":      {"Tags", &v.Tags},
	})
}

func (v *TagList) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.tagList(v) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *Manifests) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"manifests": {"Attributes", &v.Attributes},
		"link":      {"Link", &v.Link},
		"registry":  {"RegistryLoginServer", &v.RegistryLoginServer},
		"imageName": {"Repository", &v.Repository},
	})
}

func (v *Manifests) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.manifests(v) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *Repositories) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"link":         {"Link", &v.Link},
		"repositories": {"Names", &v.Names},
	})
}

func (v *Repositories) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.repositories(v) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *TagWriteableProperties) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"deleteEnabled": {"CanDelete", &v.CanDelete},
		"listEnabled":   {"CanList", &v.CanList},
		"readEnabled":   {"CanRead", &v.CanRead},
		"writeEnabled":  {"CanWrite", &v.CanWrite},
	})
}

func (v *TagWriteableProperties) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.lockMembers(&locks{}, v.fields()) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *ManifestWriteableProperties) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"deleteEnabled": {"CanDelete", &v.CanDelete},
		"listEnabled":   {"CanList", &v.CanList},
		"readEnabled":   {"CanRead", &v.CanRead},
		"writeEnabled":  {"CanWrite", &v.CanWrite},
	})
}

func (v *ManifestWriteableProperties) readJSON(data []byte) error {
	return decode(data, func(s *modelReader) { s.lockMembers(&locks{}, v.fields()) })
}

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *RepositoryWriteableProperties) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"deleteEnabled": {"CanDelete", &v.CanDelete},
		"listEnabled":   {"CanList", &v.CanList},
		"readEnabled":   {"CanRead", &v.CanRead},
		"writeEnabled":  {"CanWrite", &v.CanWrite},
	})
}

func (v *RepositoryWriteableProperties) readJSON(data []byte) error {
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

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *ACRAccessToken) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"access_token": {"AccessToken", &v.AccessToken},
	})
}

func (v *ACRAccessToken) readJSON(data []byte) error {
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

// UnmarshalJSON reads the registry's JSON. A member that is null empties its
// field, unless that is a time, and one that is missing leaves it as it is.
func (v *ACRRefreshToken) UnmarshalJSON(data []byte) error {
	return unmarshal(v, data, members{
		"refresh_token": {"RefreshToken", &v.RefreshToken},
	})
}

func (v *ACRRefreshToken) readJSON(data []byte) error {
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
