package optout

import (
	"net/http"
	"strings"
)

// contentPolicy lets a page load its own style and pictures and send its own forms: nothing runs, nothing comes from elsewhere.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guarded sets the headers of every answer, and keeps a bug in a handler from ending more than its request: what is logged of it
// is a constant, because a stack trace prints arguments and a panic's text may hold a value.
func (s *Service) guarded(next http.Handler) http.Handler {
	overTLS := s.o.CertFile != "" || s.o.BehindProxy && strings.HasPrefix(s.o.URL, "https://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		// Under no-referrer a browser sends "Origin: null" with our own forms, and one too old for Sec-Fetch-Site could then not be told
		// from a stranger. Old phones are those that most need these pages. No path holds anything.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), usb=(), bluetooth=()")
		h.Set("X-Robots-Tag", "noindex")
		if overTLS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer func() {
			if recover() == nil {
				return
			}
			s.metrics.count("none", panicked, 0)
			s.o.Logger.Error("a request to the opt-out pages ended in a bug: report this as a bug of footfall")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}
