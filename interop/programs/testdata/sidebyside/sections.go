package main

var sections = []struct {
	name string
	run  func(section)
}{
	{"F1", tokens},
	{"F2", failures},
	{"F3", names},
	{"F4", ownAuthorization},
	{"F5", arguments},
	{"F6", capturing},
	{"F7", constructors},
	{"F8", retriedPages},
	{"F9", pipelines},
	{"F10", links},
	{"F11", httpClients},
	{"F12", gateways},
	{"F13", manifests},
	{"F14", lengths},
	{"F15", sentinels},
	{"F16", literals},
	{"F17", emptyResponses},
	{"F18", nilContexts},
	{"F19", reflection},
	{"F20", small},
	{"shapes", shapes},
	{"models", models},
	{"wire", requests},
	{"server", servers},
	{"zero", zeroValues},
	{"digests", digests},
	{"pagers", pagers},
	{"exhausted", exhausted},
	{"context", seesContext},
	{"logs", logs},
	{"spans", spans},
	{"challenges", challenges},
}
