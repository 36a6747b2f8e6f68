package engine

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
)

// compressedBlock is how much output goes into one natively compressed block.
const compressedBlock = 1 << 20

// readBody reads a request's body, unpacked, within the front's bound.
func (f *Front) readBody(w http.ResponseWriter, r *http.Request, params url.Values) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		return nil, refuse(codeNotSupported, "the embedded engine takes no external tables. (NOT_IMPLEMENTED)")
	}
	source, err := unpacked(http.MaxBytesReader(w, r.Body, f.maxBody), r, params)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(source, f.maxBody+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), int64(len(body)) > f.maxBody:
		return nil, refuse(codeTooLarge, fmt.Sprintf("the request is larger than %d bytes: send it in parts. (TOO_MANY_BYTES)", f.maxBody))
	case err != nil:
		return nil, refuse(codeBadRequest, fmt.Sprintf("the request's body cannot be read: %v. (BAD_ARGUMENTS)", err))
	}
	return body, nil
}

// unpacked wraps the body in what undoes its two possible compressions: that of
// HTTP outside, ClickHouse's own (decompress=1) inside.
func unpacked(body io.Reader, r *http.Request, params url.Values) (io.Reader, error) {
	var err error
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	default:
		return nil, refuse(codeNotSupported, fmt.Sprintf("the content encoding %q is not known: use gzip, deflate or lz4. (NOT_IMPLEMENTED)", encoding))
	}
	if err != nil {
		return nil, refuse(codeBadRequest, fmt.Sprintf("the request's compression cannot be read: %v. (BAD_ARGUMENTS)", err))
	}
	if params.Get("decompress") == "1" {
		body = &nativeReader{compress.NewReader(body)}
	}
	return body, nil
}

// nativeReader ends a natively compressed stream with io.EOF, which its reader
// wraps.
type nativeReader struct{ *compress.Reader }

func (n *nativeReader) Read(p []byte) (int, error) {
	read, err := n.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return read, err
}

// compressOutput packs an answer as the client asked: natively (compress=1),
// or with gzip where HTTP compression is on.
func compressOutput(w http.ResponseWriter, r *http.Request, params url.Values, out []byte) ([]byte, error) {
	switch {
	case len(out) == 0:
		return out, nil
	case params.Get("compress") == "1":
		return compressNatively(params.Get("network_compression_method"), out)
	case acceptsGzip(r, params):
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(out); err != nil {
			return nil, fmt.Errorf("compress the answer: %w", err)
		}
		if err := z.Close(); err != nil {
			return nil, fmt.Errorf("compress the answer: %w", err)
		}
		w.Header().Set("Content-Encoding", "gzip")
		return packed.Bytes(), nil
	default:
		return out, nil
	}
}

func acceptsGzip(r *http.Request, params url.Values) bool {
	return params.Get("enable_http_compression") == "1" && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

func compressNatively(method string, out []byte) ([]byte, error) {
	m := compress.LZ4
	switch strings.ToUpper(method) {
	case "NONE":
		m = compress.None
	case "ZSTD":
		m = compress.ZSTD
	}
	writer := compress.NewWriter(compress.LevelZero, m)
	packed := make([]byte, 0, len(out)/2)
	for len(out) > 0 {
		n := min(len(out), compressedBlock)
		if err := writer.Compress(out[:n]); err != nil {
			return nil, fmt.Errorf("compress the answer: %w", err)
		}
		packed = append(packed, writer.Data...)
		out = out[n:]
	}
	return packed, nil
}
