package client_test

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// The examples run against an emulated registry in memory. A program has the
// login server's address and an azidentity credential instead.
var (
	endpoint   string
	credential azcore.TokenCredential = emulatortest.NewCredential(nil)
	overMemory azcore.ClientOptions
)

// emulate starts the registry of one example; the result ends it.
func emulate() (stop func()) {
	e, err := emulator.New(nil)
	if err != nil {
		panic(err)
	}
	connection := e.Connect(nil)
	endpoint = "https://" + e.LoginServers()[0]
	overMemory = azcore.ClientOptions{Transport: connection.Client()}
	return func() {
		connection.Close()
		e.Close()
	}
}
