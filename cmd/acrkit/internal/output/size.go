package output

import "fmt"

// Size writes a number of bytes for a person, in binary units: "512 B",
// "1.5 MiB".
func Size(bytes int64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	value, units := float64(bytes)/unit, "KMGTPE"
	i := 0
	for value >= 999.95 && i < len(units)-1 {
		value /= unit
		i++
	}
	if value >= 100 {
		return fmt.Sprintf("%.0f %ciB", value, units[i])
	}
	return fmt.Sprintf("%.1f %ciB", value, units[i])
}
