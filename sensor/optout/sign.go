package optout

import (
	"fmt"
	"image/color"
	"net/http"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quietZone is the empty border of a QR code, in modules (ISO/IEC 18004).
const quietZone = 4

// door is what a door sign shows.
type door struct {
	Store Store
	Short string // the address as a person types it
	Code  code
	A5    bool
}

// code is a QR code as one path of an SVG.
type code struct {
	Size int // modules, with the quiet zone
	Path string
}

func (s *Service) sign(q *ask) answer {
	store, ok := s.store(q)
	if !ok {
		return problem(http.StatusNotFound, notFound)
	}
	if store.Unread != nil { // a sign is printed and hangs for years: it must not state defaults as facts
		s.o.Logger.Error("a sign could not be made", "store", store.ID, "error", store.Unread)
		return nothingDone()
	}
	drawn, err := drawCode(s.o.URL)
	if err != nil {
		s.o.Logger.Error("the sign's code could not be drawn", "error", err)
		return nothingDone()
	}
	_, short, _ := strings.Cut(strings.TrimSuffix(s.o.URL, "/"), "://")
	return answer{status: http.StatusOK, view: "sign", result: done, data: door{
		Store: store, Short: short, Code: drawn, A5: q.r.URL.Query().Get("paper") == "a5",
	}}
}

// drawCode draws a QR code that survives a scratched door: a fourth of it may be unreadable.
func drawCode(text string) (code, error) {
	bars, err := qr.Encode(text, qr.Q, qr.Auto)
	if err != nil {
		return code{}, fmt.Errorf("draw a QR code: %w: choose a shorter url", err)
	}
	n := bars.Bounds().Dx()
	dark := func(x, y int) bool {
		return x < n && color.GrayModel.Convert(bars.At(x, y)) == color.Gray{}
	}
	var path strings.Builder
	for y := range n {
		for x := 0; x < n; x++ {
			if !dark(x, y) {
				continue
			}
			begin := x
			for dark(x, y) {
				x++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", begin+quietZone, y+quietZone, x-begin, x-begin)
		}
	}
	return code{Size: n + 2*quietZone, Path: path.String()}, nil
}
