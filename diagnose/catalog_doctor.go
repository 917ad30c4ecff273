package diagnose

var rowsDoctor = []Row{}
