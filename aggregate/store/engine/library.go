package engine

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/ebitengine/purego"
)

// connection is a chdb_connection*, and result a chdb_result*: C memory, which
// Go's collector does not look at.
type (
	connection *uintptr
	result     unsafe.Pointer
	inserting  unsafe.Pointer // a chdb_insert_stream
)

// library is the part of chdb.h that is used, bound by name. Lengths are
// size_t; texts are passed with their length, because a query with inserted
// data in it holds NULs.
type library struct {
	signalHandlers func(enabled int32)
	connect        func(argc int32, argv **byte) connection
	closeConn      func(connection)
	query          func(conn uintptr, query *byte, queryLen uintptr, format *byte, formatLen uintptr,
		names **byte, nameLens *uintptr, values **byte, valueLens *uintptr, count uintptr) result
	insert func(conn uintptr, query *byte, queryLen uintptr, format *byte, formatLen uintptr,
		names **byte, nameLens *uintptr, values **byte, valueLens *uintptr, count uintptr) inserting
	append  func(s inserting, data *byte, n uintptr) int32
	done    func(inserting) result
	trouble func(inserting) string
	drop    func(inserting)
	buffer  func(result) unsafe.Pointer
	length  func(result) uintptr
	failure func(result) string
	destroy func(result)
}

// load opens the shared library and binds its functions. Loading twice gives
// the same library.
func load(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load the engine %s: %w; run \"make engine\" to fetch it anew", path, err)
	}
	lib := &library{}
	for _, bind := range []struct {
		symbol string
		target any
	}{
		{"chdb_set_signal_handlers_enabled", &lib.signalHandlers},
		{"chdb_connect", &lib.connect},
		{"chdb_close_conn", &lib.closeConn},
		{"chdb_query_with_params_n", &lib.query},
		{"chdb_stream_insert_with_params_n", &lib.insert},
		{"chdb_stream_append", &lib.append},
		{"chdb_stream_done", &lib.done},
		{"chdb_stream_insert_error", &lib.trouble},
		{"chdb_destroy_insert_stream", &lib.drop},
		{"chdb_result_buffer", &lib.buffer},
		{"chdb_result_length", &lib.length},
		{"chdb_result_error", &lib.failure},
		{"chdb_destroy_query_result", &lib.destroy},
	} {
		address, err := purego.Dlsym(handle, bind.symbol)
		if err != nil {
			return nil, fmt.Errorf("the engine %s has no %s: %w; run \"make engine\" to fetch the pinned one", path, bind.symbol, err)
		}
		purego.RegisterFunc(bind.target, address)
	}
	// The engine's handlers for SIGSEGV, SIGINT and others would take the place
	// of the Go runtime's, which needs its own.
	lib.signalHandlers(0)
	return lib, nil
}

// open makes a connection with the given command line arguments.
func (l *library) open(args ...string) (connection, error) {
	texts := append([]string{"clickhouse"}, args...)
	argv := make([]*byte, len(texts))
	for i, text := range texts {
		argv[i] = unsafe.SliceData(append([]byte(text), 0))
	}
	conn := l.connect(int32(len(argv)), &argv[0])
	runtime.KeepAlive(argv)
	if conn == nil || *conn == 0 {
		return nil, errors.New("the engine refused a connection: one process can hold one data folder; close the other engine first")
	}
	return conn, nil
}

// parameter is a value for a {name:Type} place in a query.
type parameter struct{ name, value string }

// run executes one query and returns a copy of its output in the format asked,
// unless the query names another. An error is *Error.
func (l *library) run(conn connection, query []byte, format string, params []parameter) ([]byte, error) {
	b := bindings(params)
	r := l.query(*conn, first(query), uintptr(len(query)), first([]byte(format)), uintptr(len(format)),
		first(b.names), first(b.nameLens), first(b.values), first(b.valueLens), uintptr(len(params)))
	runtime.KeepAlive(query)
	runtime.KeepAlive(b)
	return l.take(r)
}

// insertChunk is how much inserted data is handed over at once.
const insertChunk = 4 << 20

// feed sends the data of an INSERT, whose text ends before its FORMAT. It is
// the only way that any bytes get through: data behind a query's text ends at
// its first empty line. An error is *Error.
func (l *library) feed(conn connection, insert, data []byte, format string, params []parameter) error {
	b := bindings(params)
	s := l.insert(*conn, first(insert), uintptr(len(insert)), first([]byte(format)), uintptr(len(format)),
		first(b.names), first(b.nameLens), first(b.values), first(b.valueLens), uintptr(len(params)))
	runtime.KeepAlive(b)
	if s == nil {
		return errors.New("the engine opened no insert")
	}
	defer l.drop(s)
	if text := l.trouble(s); text != "" {
		return newError(text)
	}
	for chunk := range slices.Chunk(data, insertChunk) {
		if l.append(s, first(chunk), uintptr(len(chunk))) != 0 {
			break // done tells why
		}
	}
	_, err := l.take(l.done(s))
	return err
}

// take copies a result's output and frees it.
func (l *library) take(r result) ([]byte, error) {
	if r == nil {
		return nil, errors.New("the engine gave no result")
	}
	defer l.destroy(r)
	if text := l.failure(r); text != "" {
		return nil, newError(text)
	}
	n := l.length(r)
	if n == 0 {
		return nil, nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(l.buffer(r)), n)...), nil
}

type boundParameters struct {
	names, values       []*byte
	nameLens, valueLens []uintptr
}

func bindings(params []parameter) boundParameters {
	var b boundParameters
	for _, p := range params {
		b.names = append(b.names, unsafe.SliceData(append([]byte(p.name), 0)))
		b.nameLens = append(b.nameLens, uintptr(len(p.name)))
		b.values = append(b.values, unsafe.SliceData(append([]byte(p.value), 0)))
		b.valueLens = append(b.valueLens, uintptr(len(p.value)))
	}
	return b
}

// first is the address of the first element, or nil.
func first[T any](s []T) *T {
	if len(s) == 0 {
		return nil
	}
	return &s[0]
}
