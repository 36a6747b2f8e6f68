package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// sharedData is the folder of real captures, which are no part of the project: FOOTFALL_DATA, or ../shared/data beside the
// checkout. Tests that need it are skipped where it is absent.
func sharedData(t *testing.T) string {
	t.Helper()
	return shared(t, "FOOTFALL_DATA", "data")
}

// reference runs the reference estimator, an independent program in Python, and returns what it printed.
func reference(t *testing.T, args ...string) []byte {
	t.Helper()
	dir := shared(t, "FOOTFALL_REFERENCE", "reference")
	if err := exec.Command("python3", "-c", "import numpy").Run(); err != nil {
		t.Skip("skipped: the reference estimator needs python3 with numpy")
	}
	cmd := exec.Command("python3", append([]string{filepath.Join(dir, "counting.py")}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the reference estimator: %v", err)
	}
	return out
}

func shared(t *testing.T, env, folder string) string {
	t.Helper()
	if dir := os.Getenv(env); dir != "" {
		return dir
	}
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", folder))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("skipped: no %s beside the checkout (set %s)", folder, env)
	}
	return dir
}
