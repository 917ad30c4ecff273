package artifact

func remoteImplementations() []implementation { return nil }
