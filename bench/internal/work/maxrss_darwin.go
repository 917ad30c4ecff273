package work

// maxrssUnit is the unit of ru_maxrss: bytes here.
const maxrssUnit = 1
