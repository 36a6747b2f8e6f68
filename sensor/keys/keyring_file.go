package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/openfootfall/footfall/ingest/calendar"
)

const kindKeyring = "footfall keyring"

// MaxKeyring bounds what Encode gives and DecodeKeyring takes, in bytes: some 3,000 stores with all the sensors one may have.
const MaxKeyring = 16 << 20

// ringForm is a keyring as JSON, which only stands inside an encrypted file.
type ringForm struct {
	Kind      string          `json:"kind"`
	Version   int             `json:"version"`
	OptOutKey keyText         `json:"opt_out_key"`
	Stores    []ringStoreForm `json:"stores"`
}

type ringStoreForm struct {
	Store     string       `json:"store"`
	TimeZone  string       `json:"time_zone"`
	Issue     string       `json:"issue"`
	Made      calendar.Day `json:"made"`
	Day       calendar.Day `json:"day"`
	DayChain  keyText      `json:"day_chain"`
	WeekChain keyText      `json:"week_chain"`
	// PeriodChain is missing in a keyring of before policy extended; rotate gives the store one.
	PeriodChain *keyText     `json:"period_chain,omitempty"`
	Issued      []issuedForm `json:"issued"`
}

type issuedForm struct {
	Sensor string       `json:"sensor"`
	Last   calendar.Day `json:"last"`
	Times  int          `json:"times"`
}

// Encode gives the keyring in plain text. The caller encrypts it and clears the buffer.
func (r *Keyring) Encode() ([]byte, error) {
	f := ringForm{Kind: kindKeyring, Version: Version, OptOutKey: keyText(*r.optOut)}
	for _, s := range r.stores {
		one := ringStoreForm{
			Store: s.id, TimeZone: s.zone, Issue: s.issue, Made: s.made,
			Day: s.chain.day, DayChain: keyText(s.chain.days), WeekChain: keyText(s.chain.weeks), PeriodChain: s.chain.periodText(),
		}
		for _, i := range s.issued {
			one.Issued = append(one.Issued, issuedForm(i))
		}
		f.Stores = append(f.Stores, one)
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode the keyring: %w", err)
	}
	if len(text) > MaxKeyring {
		clear(text)
		return nil, fmt.Errorf("the keyring would have more than %d bytes: retire stores, or keep a keyring a region", MaxKeyring)
	}
	return text, nil
}

// DecodeKeyring reads what Encode gave and checks all of it. The error names everything that is wrong at once, and no key.
func DecodeKeyring(text []byte) (*Keyring, error) {
	if len(text) > MaxKeyring {
		return nil, fmt.Errorf("it is longer than %d bytes: it is no keyring", MaxKeyring)
	}
	var f ringForm
	if err := decodeForm(kindKeyring, text, &f); err != nil {
		return nil, err
	}
	if f.OptOutKey == (keyText{}) {
		return nil, errors.New("opt_out_key: it is missing")
	}
	optOut := key(f.OptOutKey)
	r := &Keyring{optOut: &optOut}
	var errs []error
	for i := range f.Stores {
		s, err := f.Stores[i].check(optOut)
		if err == nil && r.find(s.id) != nil {
			err = errors.New("it is there twice")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("store %.64q: %w", f.Stores[i].Store, err))
			continue
		}
		r.stores = append(r.stores, s)
	}
	if len(errs) > 0 {
		r.Wipe()
		return nil, errors.Join(errs...)
	}
	return r, nil
}

func (f *ringStoreForm) check(optOut key) (*ringStore, error) {
	var errs []error
	want := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New(text))
		}
	}
	cal, err := calendar.New(f.TimeZone)
	if err != nil {
		errs = append(errs, fmt.Errorf("time_zone: %w", err))
	}
	want(idPattern.MatchString(f.Store), "store: use 1 to 63 of a-z, 0-9, - and _")
	want(issuePattern.MatchString(f.Issue), "issue: it must be 16 hexadecimal digits")
	want(f.Made >= 0 && f.Made <= f.Day && f.Day <= lastDay, "made, day: they are no store-days since 2020, one not after the other")
	want(f.DayChain != keyText{}, "day_chain: it is missing")
	want(f.WeekChain != keyText{}, "week_chain: it is missing")
	want(f.PeriodChain == nil || *f.PeriodChain != keyText{}, "period_chain: it holds zeros")
	s := &ringStore{
		id: f.Store, zone: f.TimeZone, calendar: cal, issue: f.Issue, made: f.Made,
		chain: &chain{day: f.Day, days: key(f.DayChain), weeks: key(f.WeekChain), periods: f.PeriodChain.key(), optOut: optOut},
	}
	seen := map[string]bool{}
	for _, i := range f.Issued {
		want(idPattern.MatchString(i.Sensor) && !seen[i.Sensor], "issued: a sensor has no name of 1 to 63 of a-z, 0-9, - and _, or is there twice")
		want(i.Last >= f.Made && i.Last <= f.Day && i.Times > 0, "issued: a bundle is not of the seed's days, or there is none")
		seen[i.Sensor] = true
		s.issued = append(s.issued, Issued(i))
	}
	if len(errs) > 0 {
		s.chain.wipe()
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// Format keeps the keys out of every fmt verb.
func (r Keyring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[keyring]")) }

// LogValue keeps the keys out of logs.
func (r Keyring) LogValue() slog.Value { return slog.StringValue("[keyring]") }
