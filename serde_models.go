package azcontainerregistry

import "time"

// The members of ACR's JSON are written in ACR protocol §3. Each model is read
// into its fields directly, a member that is null or missing leaves its field
// as it was, and members that this package doesn't know are passed over.

// locks is where the values of a model's locks are kept.
type locks struct{ canDelete, canList, canRead, canWrite bool }

// lockFields are the fields of the three models that are locks.
type lockFields struct{ canDelete, canList, canRead, canWrite **bool }

func (s *jsonScanner) lockMembers(store *locks, to lockFields) {
	s.object(func(name []byte) {
		var field **bool
		var value *bool
		switch string(name) {
		case "deleteEnabled":
			field, value = to.canDelete, &store.canDelete
		case "listEnabled":
			field, value = to.canList, &store.canList
		case "readEnabled":
			field, value = to.canRead, &store.canRead
		case "writeEnabled":
			field, value = to.canWrite, &store.canWrite
		default:
			s.skip()
			return
		}
		*value = s.boolean()
		*field = value
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

func (s *jsonScanner) tag(to *TagAttributes, store *tagItem) {
	s.object(func(name []byte) {
		switch string(name) {
		case "name":
			store.name = string(s.rawString())
			to.Name = &store.name
		case "digest":
			store.digest = string(s.rawString())
			to.Digest = &store.digest
		case "createdTime":
			store.created = s.time()
			to.CreatedOn = &store.created
		case "lastUpdateTime":
			store.updated = s.time()
			to.LastUpdatedOn = &store.updated
		case "changeableAttributes":
			s.lockMembers(&store.locks, store.attributes.fields())
			to.ChangeableAttributes = &store.attributes
		default:
			s.skip()
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

func (s *jsonScanner) manifest(to *ManifestAttributes, store *manifestItem) {
	s.object(func(name []byte) {
		switch string(name) {
		case "digest":
			store.digest = string(s.rawString())
			to.Digest = &store.digest
		case "imageSize":
			store.size = s.integer(64)
			to.Size = &store.size
		case "createdTime":
			store.created = s.time()
			to.CreatedOn = &store.created
		case "lastUpdateTime":
			store.updated = s.time()
			to.LastUpdatedOn = &store.updated
		case "architecture":
			store.architecture = ArtifactArchitecture(s.word())
			to.Architecture = &store.architecture
		case "os":
			store.operatingSystem = ArtifactOperatingSystem(s.word())
			to.OperatingSystem = &store.operatingSystem
		case "mediaType":
			store.mediaType = s.word()
			to.MediaType = &store.mediaType
		case "configMediaType":
			store.configMediaType = s.word()
			to.ConfigMediaType = &store.configMediaType
		case "tags":
			to.Tags = s.stringPointers()
		case "references":
			to.RelatedArtifacts = []*ArtifactManifestPlatform{}
			s.array(func() {
				p := &ArtifactManifestPlatform{}
				s.platform(p)
				to.RelatedArtifacts = append(to.RelatedArtifacts, p)
			})
		case "changeableAttributes":
			s.lockMembers(&store.locks, store.attributes.fields())
			to.ChangeableAttributes = &store.attributes
		default:
			s.skip()
		}
	})
}

func (s *jsonScanner) platform(to *ArtifactManifestPlatform) {
	s.object(func(name []byte) {
		switch string(name) {
		case "digest":
			to.Digest = s.stringPointer()
		case "architecture":
			v := ArtifactArchitecture(s.word())
			to.Architecture = &v
		case "os":
			v := ArtifactOperatingSystem(s.word())
			to.OperatingSystem = &v
		default:
			s.skip()
		}
	})
}

func (s *jsonScanner) repository(to *ContainerRepositoryProperties) {
	s.object(func(name []byte) {
		switch string(name) {
		case "createdTime":
			v := s.time()
			to.CreatedOn = &v
		case "lastUpdateTime":
			v := s.time()
			to.LastUpdatedOn = &v
		case "manifestCount":
			v := int32(s.integer(32))
			to.ManifestCount = &v
		case "tagCount":
			v := int32(s.integer(32))
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

func (s *jsonScanner) tagProperties(to *ArtifactTagProperties) {
	s.object(func(name []byte) {
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

func (s *jsonScanner) manifestProperties(to *ArtifactManifestProperties) {
	s.object(func(name []byte) {
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

func (s *jsonScanner) tagList(to *TagList) {
	s.object(func(name []byte) {
		switch string(name) {
		case "link":
			to.Link = s.stringPointer()
		case "tags":
			to.Tags = []*TagAttributes{}
			s.array(func() {
				item := &tagItem{}
				s.element()
				s.tag(&item.tag, item)
				to.Tags = append(to.Tags, &item.tag)
			})
		default:
			s.place(name, &to.RegistryLoginServer, &to.Repository)
		}
	})
}

func (s *jsonScanner) manifests(to *Manifests) {
	s.object(func(name []byte) {
		switch string(name) {
		case "link":
			to.Link = s.stringPointer()
		case "manifests":
			to.Attributes = []*ManifestAttributes{}
			s.array(func() {
				item := &manifestItem{}
				s.element()
				s.manifest(&item.manifest, item)
				to.Attributes = append(to.Attributes, &item.manifest)
			})
		default:
			s.place(name, &to.RegistryLoginServer, &to.Repository)
		}
	})
}

func (s *jsonScanner) repositories(to *Repositories) {
	s.object(func(name []byte) {
		switch string(name) {
		case "link":
			to.Link = s.stringPointer()
		case "repositories":
			to.Names = s.stringPointers()
		default:
			s.skip()
		}
	})
}

// place reads the members that say where something is, and passes over others.
func (s *jsonScanner) place(name []byte, registry, repository **string) {
	switch string(name) {
	case "registry":
		*registry = s.stringPointer()
	case "imageName":
		*repository = s.stringPointer()
	default:
		s.skip()
	}
}

// element refuses null in a list of things: callers don't expect a nil there,
// and leaving it out would make the list shorter than it is.
func (s *jsonScanner) element() {
	switch s.elements++; {
	case s.peek() == 'n':
		s.fail("an object")
	case s.elements > maxElements:
		s.fail("a shorter list")
	}
}

func (s *jsonScanner) stringPointer() *string {
	v := string(s.rawString())
	return &v
}

func (s *jsonScanner) stringPointers() []*string {
	list := []*string{}
	s.array(func() {
		if len(list) == maxStrings {
			s.fail("a shorter list")
		}
		list = append(list, s.stringPointer())
	})
	return list
}
