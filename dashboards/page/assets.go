package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed pages
var pageFiles embed.FS

// The chart library, unchanged; its README.md says which version. The folder is not called vendor: a module's zip leaves such folders out.
//
//go:embed uplot/uPlot.iife.min.js uplot/uPlot.min.css uplot/LICENSE
var libraryFiles embed.FS

// assets are the files that belong to the page, under a path that changes with them.
type assets struct {
	Version string
	files   map[string]asset
}

type asset struct {
	kind string
	body []byte
}

func readAssets() (assets, error) {
	const css, js, plain = "text/css; charset=utf-8", "text/javascript; charset=utf-8", "text/plain; charset=utf-8"
	a := assets{files: map[string]asset{}}
	sum := sha256.New()
	for _, f := range []struct {
		from       embed.FS
		path, name string
		kind       string
	}{
		{pageFiles, "pages/style.css", "style.css", css},
		{pageFiles, "pages/print.css", "print.css", css},
		{pageFiles, "pages/charts.js", "charts.js", js},
		{pageFiles, "pages/mark.svg", "mark.svg", "image/svg+xml"},
		{libraryFiles, "uplot/uPlot.iife.min.js", "uplot.js", js},
		{libraryFiles, "uplot/uPlot.min.css", "uplot.css", css},
		{libraryFiles, "uplot/LICENSE", "uplot-license.txt", plain},
	} {
		body, err := f.from.ReadFile(f.path)
		if err != nil {
			return a, fmt.Errorf("read the page's files: %w", err)
		}
		sum.Write(body)
		a.files[f.name] = asset{f.kind, body}
	}
	a.Version = hex.EncodeToString(sum.Sum(nil))[:12]
	return a, nil
}

func (p *Page) static(w http.ResponseWriter, r *http.Request) {
	file, ok := p.assets.files[r.PathValue("file")]
	if !ok || r.PathValue("version") != p.assets.Version {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", file.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(file.body)))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(file.body)
}

func readTemplates() (*template.Template, error) {
	t, err := template.New("page").Option("missingkey=error").ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the page's templates: %w", err)
	}
	return t, nil
}
