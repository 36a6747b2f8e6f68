package main

// version is set by the linker: go build -ldflags "-X main.version=1.2.3".
var version = "unreleased"
