package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// reencode turns Native output as the engine writes it, at protocol revision 0,
// into Native at the revision a client asked for, which puts a header before
// every block and a byte before every column. At revision 0 a DateTime('UTC') is
// called DateTime: the instants are the same, but a client shows them in the
// engine's time zone unless it says which one it wants.
func reencode(native []byte, revision uint64) ([]byte, error) {
	if revision == 0 {
		return native, nil
	}
	source := bytes.NewReader(native)
	reader := chproto.NewReader(source)
	out := &chproto.Buffer{Buf: make([]byte, 0, len(native)+len(native)/64+256)}
	for {
		block := proto.NewBlock()
		err := block.Decode(reader, 0)
		if errors.Is(err, io.EOF) && len(block.Columns) == 0 {
			return out.Buf, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the engine's Native block: %w", err)
		}
		if err := encodeBlock(out, block, revision); err != nil {
			return nil, fmt.Errorf("write a Native block: %w", err)
		}
	}
}

// encodeBlock writes a block. One without rows has names and types only: the
// library would write a column's prefix, which no reader expects there.
func encodeBlock(out *chproto.Buffer, block *proto.Block, revision uint64) error {
	if block.Rows() > 0 {
		return block.Encode(out, revision)
	}
	if err := block.EncodeHeader(out, revision); err != nil {
		return err
	}
	for _, c := range block.Columns {
		encodeEmpty(out, c, revision)
	}
	return nil
}

func encodeEmpty(out *chproto.Buffer, c column.Interface, revision uint64) {
	out.PutString(c.Name())
	out.PutString(string(c.Type()))
	if revision >= proto.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION {
		out.PutBool(false)
	}
}
