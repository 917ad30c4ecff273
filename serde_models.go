package azcontainerregistry

import (
	"time"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// The members of ACR's JSON are written in ACR protocol §3. Each model is read
// into its fields directly, a member that is null or missing leaves its field
// as it was, and members that this package doesn't know are passed over.

// modelReader reads models from JSON.
type modelReader struct {
	wire.Scanner
	strings stringBatch
	// elements counts the things of a list, tooLong is why it is given up.
	elements int
	tooLong  bool
	// latestLocks is the text of the locks read last, and what they are: most
	// things of a registry have none.
	latestLocks []byte
	latest      locks
	latestHas   hasLocks
}

// maxElements and maxStrings bound the things of a list and the names of one:
// a few bytes of JSON become a hundred times as many in memory. A page of ACR's
// has 1000 things at most (ACR protocol §3.1).
const (
	maxElements = 100_000
	maxStrings  = 1 << 20
)

// locks is where the values of a model's locks are kept.
type locks struct{ canDelete, canList, canRead, canWrite bool }

// hasLocks are the locks that the registry gave a value.
type hasLocks locks

// lockFields are the fields of the three models that are locks.
type lockFields struct{ canDelete, canList, canRead, canWrite **bool }

func (s *modelReader) lockMembers(store *locks, to lockFields) {
	if !s.Again(s.latestLocks) {
		s.latest, s.latestHas = locks{}, hasLocks{}
		s.latestLocks = s.Text(s.readLocks)
	}
	for _, lock := range [...]struct {
		has, is bool
		field   **bool
		value   *bool
	}{
		{s.latestHas.canDelete, s.latest.canDelete, to.canDelete, &store.canDelete},
		{s.latestHas.canList, s.latest.canList, to.canList, &store.canList},
		{s.latestHas.canRead, s.latest.canRead, to.canRead, &store.canRead},
		{s.latestHas.canWrite, s.latest.canWrite, to.canWrite, &store.canWrite},
	} {
		if lock.has {
			*lock.value = lock.is
			*lock.field = lock.value
		}
	}
}

func (s *modelReader) readLocks() {
	s.Object(func(name []byte) {
		switch string(name) {
		case "deleteEnabled":
			s.latest.canDelete, s.latestHas.canDelete = s.Boolean(), true
		case "listEnabled":
			s.latest.canList, s.latestHas.canList = s.Boolean(), true
		case "readEnabled":
			s.latest.canRead, s.latestHas.canRead = s.Boolean(), true
		case "writeEnabled":
			s.latest.canWrite, s.latestHas.canWrite = s.Boolean(), true
		default:
			s.Skip()
		}
	})
}

func (p *TagWriteableProperties) fields() lockFields {
	return lockFields{&p.CanDelete, &p.CanList, &p.CanRead, &p.CanWrite}
}

func (p *ManifestWriteableProperties) fields() lockFields {
	return lockFields{&p.CanDelete, &p.CanList, &p.CanRead, &p.CanWrite}
}

func (p *RepositoryWriteableProperties) fields() lockFields {
	return lockFields{&p.CanDelete, &p.CanList, &p.CanRead, &p.CanWrite}
}

// tagItem is a tag with everything it points to, in one piece of memory.
type tagItem struct {
	tag              TagAttributes
	attributes       TagWriteableProperties
	locks            locks
	name, digest     string
	created, updated time.Time
}

func (s *modelReader) tag(to *TagAttributes, store *tagItem) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "name":
			s.text(&store.name)
			to.Name = &store.name
		case "digest":
			s.text(&store.digest)
			to.Digest = &store.digest
		case "createdTime":
			store.created = s.Time()
			to.CreatedOn = &store.created
		case "lastUpdateTime":
			store.updated = s.Time()
			to.LastUpdatedOn = &store.updated
		case "changeableAttributes":
			s.lockMembers(&store.locks, store.attributes.fields())
			to.ChangeableAttributes = &store.attributes
		default:
			s.Skip()
		}
	})
}

// manifestItem is a manifest with everything it points to but its tags and
// children, in one piece of memory.
type manifestItem struct {
	manifest                           ManifestAttributes
	attributes                         ManifestWriteableProperties
	locks                              locks
	digest, mediaType, configMediaType string
	architecture                       ArtifactArchitecture
	operatingSystem                    ArtifactOperatingSystem
	size                               int64
	created, updated                   time.Time
}

func (s *modelReader) manifest(to *ManifestAttributes, store *manifestItem) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "digest":
			s.text(&store.digest)
			to.Digest = &store.digest
		case "imageSize":
			store.size = s.Integer(64)
			to.Size = &store.size
		case "createdTime":
			store.created = s.Time()
			to.CreatedOn = &store.created
		case "lastUpdateTime":
			store.updated = s.Time()
			to.LastUpdatedOn = &store.updated
		case "architecture":
			store.architecture = ArtifactArchitecture(s.Word())
			to.Architecture = &store.architecture
		case "os":
			store.operatingSystem = ArtifactOperatingSystem(s.Word())
			to.OperatingSystem = &store.operatingSystem
		case "mediaType":
			store.mediaType = s.Word()
			to.MediaType = &store.mediaType
		case "configMediaType":
			store.configMediaType = s.Word()
			to.ConfigMediaType = &store.configMediaType
		case "tags":
			to.Tags = s.stringPointers()
		case "references":
			to.RelatedArtifacts = []*ArtifactManifestPlatform{}
			s.Array(func() {
				if s.element() {
					to.RelatedArtifacts = append(to.RelatedArtifacts, nil)
					return
				}
				p := &ArtifactManifestPlatform{}
				s.platform(p)
				to.RelatedArtifacts = append(to.RelatedArtifacts, p)
			})
		case "changeableAttributes":
			s.lockMembers(&store.locks, store.attributes.fields())
			to.ChangeableAttributes = &store.attributes
		default:
			s.Skip()
		}
	})
}

func (s *modelReader) platform(to *ArtifactManifestPlatform) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "digest":
			to.Digest = s.stringPointer()
		case "architecture":
			v := ArtifactArchitecture(s.Word())
			to.Architecture = &v
		case "os":
			v := ArtifactOperatingSystem(s.Word())
			to.OperatingSystem = &v
		default:
			s.Skip()
		}
	})
}

func (s *modelReader) repository(to *ContainerRepositoryProperties) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "createdTime":
			v := s.Time()
			to.CreatedOn = &v
		case "lastUpdateTime":
			v := s.Time()
			to.LastUpdatedOn = &v
		case "manifestCount":
			v := int32(s.Integer(32))
			to.ManifestCount = &v
		case "tagCount":
			v := int32(s.Integer(32))
			to.TagCount = &v
		case "changeableAttributes":
			v := &RepositoryWriteableProperties{}
			s.lockMembers(&locks{}, v.fields())
			to.ChangeableAttributes = v
		default:
			s.place(name, &to.RegistryLoginServer, &to.Name)
		}
	})
}

func (s *modelReader) tagProperties(to *ArtifactTagProperties) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "tag":
			item := &tagItem{}
			s.tag(&item.tag, item)
			to.Tag = &item.tag
		default:
			s.place(name, &to.RegistryLoginServer, &to.RepositoryName)
		}
	})
}

func (s *modelReader) manifestProperties(to *ArtifactManifestProperties) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "manifest":
			item := &manifestItem{}
			s.manifest(&item.manifest, item)
			to.Manifest = &item.manifest
		default:
			s.place(name, &to.RegistryLoginServer, &to.RepositoryName)
		}
	})
}

func (s *modelReader) tagList(to *TagList) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "link":
			to.Link = s.stringPointer()
		case "tags":
			to.Tags = []*TagAttributes{}
			var items slab[tagItem]
			s.Array(func() {
				if s.element() {
					to.Tags = append(to.Tags, nil)
					return
				}
				item := items.next()
				s.tag(&item.tag, item)
				to.Tags = append(to.Tags, &item.tag)
			})
		default:
			s.place(name, &to.RegistryLoginServer, &to.Repository)
		}
	})
}

func (s *modelReader) manifests(to *Manifests) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "link":
			to.Link = s.stringPointer()
		case "manifests":
			to.Attributes = []*ManifestAttributes{}
			var items slab[manifestItem]
			s.Array(func() {
				if s.element() {
					to.Attributes = append(to.Attributes, nil)
					return
				}
				item := items.next()
				s.manifest(&item.manifest, item)
				to.Attributes = append(to.Attributes, &item.manifest)
			})
		default:
			s.place(name, &to.RegistryLoginServer, &to.Repository)
		}
	})
}

func (s *modelReader) repositories(to *Repositories) {
	s.Object(func(name []byte) {
		switch string(name) {
		case "link":
			to.Link = s.stringPointer()
		case "repositories":
			to.Names = s.stringPointers()
		default:
			s.Skip()
		}
	})
}

// place reads the members that say where something is, and passes over others.
func (s *modelReader) place(name []byte, registry, repository **string) {
	switch string(name) {
	case "registry":
		*registry = s.stringPointer()
	case "imageName":
		*repository = s.stringPointer()
	default:
		s.Skip()
	}
}

// element counts the things of a list and reports whether the next one is null.
func (s *modelReader) element() (null bool) {
	if s.elements++; s.elements > maxElements {
		s.failLong()
	}
	return s.Null()
}

func (s *modelReader) failLong() {
	s.tooLong = true
	s.Fail("a shorter list")
}
