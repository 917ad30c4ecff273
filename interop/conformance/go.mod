module github.com/acrkit/azcontainerregistry/interop/conformance

go 1.26.0

replace github.com/acrkit/azcontainerregistry => ../..

tool github.com/opencontainers/distribution-spec/conformance

require (
	github.com/acrkit/azcontainerregistry/emulator v0.0.0-00010101000000-000000000000
	github.com/goccy/go-yaml v1.18.0
	github.com/google/go-cmp v0.7.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/opencontainers/distribution-spec/conformance v0.0.0-20260831232431-97274622c111 // indirect
	github.com/opencontainers/distribution-spec/specs-go v0.0.0-20240926185104-8376368dd8aa // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/acrkit/azcontainerregistry/emulator => ../../emulator

replace github.com/acrkit/azcontainerregistry/cmd/acrkit => ../../cmd/acrkit
