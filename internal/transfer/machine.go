package transfer

import (
	"bytes"
	"os"
	"strconv"
)

// machineTime is what Linux says of the time of all processors, in its ticks:
// how many they worked, for whatever process, and how many there were. It is 0, 0
// on other systems.
func machineTime() (busy, all int64) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	return parseMachineTime(stat)
}

func parseMachineTime(stat []byte) (busy, all int64) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 5 || string(fields[0]) != "cpu" {
		return 0, 0
	}
	// user nice system idle iowait irq softirq steal; guests are in user.
	for i, field := range fields[1:min(len(fields), 9)] {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, 0
		}
		all += ticks
		if i != 3 && i != 4 {
			busy += ticks
		}
	}
	return busy, all
}
