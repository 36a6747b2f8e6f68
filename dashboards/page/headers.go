package page

import (
	"context"
	"net/http"
	"time"
)

// contentPolicy lets the page load its own style, script and picture and ask for itself again; nothing comes from elsewhere. The data of
// the charts stands in the page as JSON, which no browser runs.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// answerTime bounds one answer with all its queries.
const answerTime = 20 * time.Second

// guarded sets the headers of every answer, bounds its time, refuses what is no GET, and keeps a bug in a handler from ending more than
// its request.
func (p *Page) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), usb=()")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Cache-Control", "no-store")
		defer func() {
			if recover() == nil {
				return
			}
			p.metrics.requests.WithLabelValues("none", "panic").Inc()
			p.o.Logger.Error("a request to the page ended in a bug: report this as a bug of footfall")
			w.WriteHeader(http.StatusInternalServerError)
		}()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			p.metrics.requests.WithLabelValues("none", "refused").Inc()
			http.Error(w, "This is to be read only: use GET.", http.StatusMethodNotAllowed)
			return
		}
		ctx, stop := context.WithTimeout(r.Context(), answerTime)
		defer stop()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
