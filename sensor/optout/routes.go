package optout

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ask is a request as a page's handler sees it.
type ask struct {
	r     *http.Request
	words *words
	form  *form // of a POST request
}

// answer is what a handler wants said. Handlers write nothing themselves, so every answer gets the same headers and is counted.
type answer struct {
	status int
	view   string
	title  string // where it is not the view's own
	here   string // the path without its language, where another language may ask for it
	data   any
	result result
	retry  time.Duration
	script bool // the page has a script
}

type handler func(*Service, *ask) answer

// route is one page in every language. A nil handler refuses the method.
type route struct {
	name, path string
	get, post  handler
}

func (s *Service) table() []route {
	all := []route{
		{"start", "", (*Service).start, nil},
		{"register", "register", nil, (*Service).register},
		{"check", "check", (*Service).askReceipt, (*Service).check},
		{"undo", "undo", nil, (*Service).undo},
		{"notices", "notice", (*Service).notices, nil},
		{"notice", "notice/{store}", (*Service).notice, nil},
		{"help", "help", (*Service).help, nil},
		{"sign", "sign/{store}", (*Service).sign, nil},
	}
	if s.o.Desk {
		all = append(all, route{"desk", "desk", (*Service).desk, nil})
	}
	return all
}

func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	for _, lang := range s.langs {
		for _, rt := range s.table() {
			path := "/" + lang + "/" + rt.path
			if rt.path == "" {
				path += "{$}"
			}
			mux.Handle(path, s.serve(rt, s.words[lang]))
		}
	}
	mux.HandleFunc("/static/{version}/{file}", s.static)
	mux.HandleFunc("/{$}", s.redirect)
	mux.Handle("/", s.serve(route{"none", "", (*Service).nothingHere, (*Service).nothingHere}, nil))
	return s.guarded(mux)
}

// serve answers one page's requests. Without words the browser's language is taken.
func (s *Service) serve(rt route, w *words) http.Handler {
	cross := http.NewCrossOriginProtection()
	if u, err := url.Parse(s.o.URL); err == nil {
		_ = cross.AddTrustedOrigin(u.Scheme + "://" + u.Host) // New checked it; a proxy may send another Host
	}
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		q := &ask{r: r, words: w}
		if w == nil {
			q.words = s.words[preferred(r.Header.Get("Accept-Language"), s.langs)]
			out.Header().Add("Vary", "Accept-Language")
		}
		defer func() { q.form.wipe() }() // after a bug too
		a := s.answer(rt, cross, q)
		s.write(out, q, a)
		s.metrics.count(rt.name, a.result, time.Since(begin))
	})
}

func (s *Service) answer(rt route, cross *http.CrossOriginProtection, q *ask) answer {
	do := rt.get
	switch q.r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		do = rt.post
	default:
		do = nil
	}
	if do == nil {
		return problem(http.StatusMethodNotAllowed, wrongMethod)
	}
	if q.r.Method == http.MethodPost {
		if cross.Check(q.r) != nil {
			return problem(http.StatusForbidden, crossOrigin)
		}
		var err error
		switch q.form, err = readForm(q.r); {
		case errors.Is(err, errTooLarge):
			return problem(http.StatusRequestEntityTooLarge, tooLarge)
		case err != nil:
			return problem(http.StatusBadRequest, badForm)
		}
	}
	a := do(s, q)
	if q.r.Method == http.MethodPost {
		return a
	}
	if a.status < http.StatusBadRequest { // the path of a page that is not there may be an address, and is not repeated
		_, a.here, _ = strings.Cut(strings.TrimPrefix(q.r.URL.Path, "/"), "/")
	}
	switch {
	case a.result != done:
	case rt.name == "desk":
		s.o.Count("view_desk")
	default:
		s.o.Count("view_public")
	}
	return a
}

// write sends an answer. What it was written in is overwritten.
func (s *Service) write(out http.ResponseWriter, q *ask, a answer) {
	body, err := s.render(q.words, a)
	if err != nil {
		s.o.Logger.Error("an opt-out page could not be written: report this as a bug of footfall", "page", a.view)
		http.Error(out, "This page could not be written. Please tell "+s.o.Contact+".", http.StatusInternalServerError)
		return
	}
	h := out.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", q.words.lang)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Cache-Control", "no-cache")
	if q.r.Method == http.MethodPost || a.status >= 400 {
		h.Set("Cache-Control", "no-store")
	}
	if a.script {
		h.Set("Content-Security-Policy", contentPolicy+"; script-src 'self'")
	}
	if a.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.retry+time.Second-1)/time.Second)))
	}
	switch a.result {
	case wrongMethod:
		h.Set("Allow", "GET, HEAD, POST")
	case tooLarge:
		h.Set("Connection", "close") // the rest of the body is not read
	}
	out.WriteHeader(a.status)
	_, _ = out.Write(body.Bytes())
	clear(body.Bytes())
}

func (s *Service) redirect(out http.ResponseWriter, r *http.Request) {
	out.Header().Set("Vary", "Accept-Language")
	out.Header().Set("Cache-Control", "no-cache")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		out.Header().Set("Allow", "GET, HEAD")
		out.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	http.Redirect(out, r, "/"+preferred(r.Header.Get("Accept-Language"), s.langs)+"/", http.StatusFound)
}

func (s *Service) static(out http.ResponseWriter, r *http.Request) {
	file, ok := s.assets.files[r.PathValue("file")]
	if !ok || r.PathValue("version") != s.assets.Version || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		out.WriteHeader(http.StatusNotFound)
		return
	}
	out.Header().Set("Content-Type", file.kind)
	out.Header().Set("Content-Length", strconv.Itoa(len(file.body)))
	out.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = out.Write(file.body)
}

// problem is a page that says what went wrong and what to do.
func problem(status int, what result) answer {
	return answer{status: status, view: "problem", data: string(what), result: what}
}
