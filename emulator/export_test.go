package emulator

// ServerControl is the control endpoint as a Server serves it.
var ServerControl = (*Emulator).controlHandler
