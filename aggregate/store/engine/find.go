package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// LibraryName is the file the engine lives in.
const LibraryName = "libchdb.so"

// EnvLibrary names the environment variable that points at the engine's file
// and goes before every other place.
const EnvLibrary = "FOOTFALL_ENGINE"

// ErrNotFound says that no engine is installed where Find looked.
var ErrNotFound = errors.New("the embedded ClickHouse engine " + LibraryName + " was not found")

// Find returns the path of the engine's library. It looks, in this order, at
// the file FOOTFALL_ENGINE names, at lib/ beside the running binary, at
// deploy/engine/node_modules in the parents of the binary's folder and of the
// working directory, and in /usr/lib/footfall. The error wraps ErrNotFound and
// says what to do.
func Find() (string, error) {
	var roots []string
	exe, err := os.Executable()
	if err == nil {
		roots = append(roots, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		roots = append(roots, wd)
	}
	return find(os.Getenv(EnvLibrary), filepath.Dir(exe), roots, isFile)
}

func find(env, beside string, roots []string, there func(string) bool) (string, error) {
	if env != "" {
		if there(env) {
			return env, nil
		}
		return "", fmt.Errorf("%w at %s, which %s names: point it at the file, or unset it and run \"make engine\"",
			ErrNotFound, env, EnvLibrary)
	}
	for _, path := range candidates(beside, roots) {
		if there(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: run \"make engine\" in the project's folder, or set %s to the file", ErrNotFound, EnvLibrary)
}

func candidates(beside string, roots []string) []string {
	packaged := filepath.Join("deploy", "engine", "node_modules", "@chdb", packageName(), LibraryName)
	paths := []string{filepath.Join(beside, "lib", LibraryName)}
	for _, dir := range roots {
		for {
			paths = append(paths, filepath.Join(dir, packaged))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return append(paths, filepath.Join("/usr/lib/footfall", LibraryName))
}

// packageName is what the package for this machine is called in
// deploy/engine/package.json.
func packageName() string {
	if runtime.GOARCH == "arm64" {
		return "lib-linux-arm64-gnu"
	}
	return "lib-linux-x64-gnu"
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
