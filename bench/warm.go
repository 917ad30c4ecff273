package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// spare is how many times the memory that a client fills is taken: while it
// runs, the kernel goes on giving some back.
const spare = 2

// warm makes the kernel hold more free memory than the client is about to fill
// with files. A virtual machine gives memory that was free for some
// seconds back to its host, and taking a gigabyte again can cost more than the
// download itself: without this, a client's time depends on what the one before
// it left behind.
func warm(dir string, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	path := filepath.Join(dir, "warm")
	if err := fill(path, spare*bytes); err != nil {
		return fmt.Errorf("warm memory: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("warm memory: %w", err)
	}
	return nil
}

func fill(path string, bytes int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	buffer := make([]byte, 1<<20)
	for left := bytes; left > 0; left -= int64(len(buffer)) {
		if _, err := file.Write(buffer[:min(left, int64(len(buffer)))]); err != nil {
			file.Close()
			return err
		}
	}
	return file.Close()
}
