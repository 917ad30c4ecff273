package emulator

import "github.com/acrkit/azcontainerregistry/emulator/internal/store"

// FolderInUseError says that another process has the data folder open.
type FolderInUseError struct {
	Dir      string
	PID      int    // 0 when it is not known
	Endpoint string // where it listens, see [Emulator.Advertise]; may be empty
}

// Error names the folder and the process that has it open.
func (e *FolderInUseError) Error() string {
	inUse := store.InUseError{Dir: e.Dir, Owner: store.Owner{PID: e.PID, Endpoint: e.Endpoint}}
	return inUse.Error()
}

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *FolderInUseError) DiagnosisCode() string { return "IN_USE" }
