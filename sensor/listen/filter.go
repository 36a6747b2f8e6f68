package listen

import (
	"fmt"

	"golang.org/x/net/bpf"

	"github.com/openfootfall/footfall/sensor/dot11"
)

const (
	probeRequest = 0x40 // first byte of the frame: version 0, type management (0), subtype 4
	// pass is what the filter returns for a frame to be kept: more bytes than any frame has. The filter does not snap, because
	// the kernel forgets the length of what a filter cut; the read's own buffer snaps.
	pass = maxSnap
	// longestHeader keeps forged lengths away from the kernel's special offsets, which are negative as signed numbers.
	longestHeader = 1 << 24
	prismUsual    = 144
	prismHeader   = 24
	prismItem     = 12
	avsMask       = 0xfffff000
	avsMagic      = 0x80211000
)

// filter is the kernel's filter for a link type: it passes every frame whose first byte behind the link header, as dot11.Parse
// measures that, is a probe request's. It looks at no other field of the link header, so that one which Parse refuses still
// counts there as a broken link header.
func filter(link uint16) ([]bpf.Instruction, error) {
	switch link {
	case dot11.LinkRaw:
		return append([]bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegX, Val: 0}}, judge()...), nil
	case dot11.LinkRadiotap:
		return append(radiotapLength(), judge()...), nil
	case dot11.LinkPrism:
		return append(prismLength(), judge()...), nil
	}
	return nil, fmt.Errorf("make the kernel's filter: no interface gives link type %d", link)
}

// judge passes a frame that starts at X with a probe request's first byte. A load behind the frame's end drops the frame, as
// everywhere in a filter.
func judge() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: probeRequest, SkipTrue: 1},
		bpf.RetConstant{Val: pass},
		bpf.RetConstant{Val: 0},
	}
}

// radiotapLength puts a radiotap header's length into X: two bytes at offset 2, little-endian, which filters cannot load.
func radiotapLength() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 3, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 8},
		bpf.TAX{},
		bpf.LoadAbsolute{Off: 2, Size: 1},
		bpf.ALUOpX{Op: bpf.ALUOpOr},
		bpf.TAX{},
	}
}

// prismLength puts the length of a Prism header, or of the AVS header that some drivers write in its place, into X. The
// message code is not looked at: dot11.Parse believes any, and what it would find must not be hidden from it.
func prismLength() []bpf.Instruction {
	little := []bpf.Instruction{bpf.LoadAbsolute{Off: 7, Size: 1}}
	for off := uint32(6); off >= 4; off-- {
		little = append(little,
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 8},
			bpf.TAX{},
			bpf.LoadAbsolute{Off: off, Size: 1},
			bpf.ALUOpX{Op: bpf.ALUOpOr},
		)
	}
	// The length in the machine's byte order that wrote it: big-endian only where it makes sense and little-endian does not.
	order := []bpf.Instruction{
		bpf.TAX{},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: 1 << 16, SkipTrue: 3},
		bpf.LoadAbsolute{Off: 4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: 1 << 16, SkipTrue: 1},
		bpf.TAX{},
	}
	// A length that is not a header and whole items is not believed: such drivers write the usual 144 bytes.
	plausible := []bpf.Instruction{
		bpf.TXA{},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: prismHeader, SkipTrue: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpSub, Val: prismHeader},
		bpf.ALUOpConstant{Op: bpf.ALUOpMod, Val: prismItem},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		bpf.Jump{Skip: 1},
		bpf.LoadConstant{Dst: bpf.RegX, Val: prismUsual},
		bpf.TXA{},
		bpf.Jump{Skip: 1},
	}
	avs := []bpf.Instruction{bpf.LoadAbsolute{Off: 4, Size: 4}}
	bound := []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: longestHeader, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.TAX{},
	}
	prism := append(append(little, order...), plausible...)
	out := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: avsMask},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: avsMagic, SkipTrue: uint8(len(prism))},
	}
	out = append(out, prism...)
	return append(append(out, avs...), bound...)
}
