package worth

import (
	"math"
	"time"

	"github.com/openfootfall/footfall/ingest/calendar"
)

// student is the 97.5 % point of Student's distribution by degrees of freedom: there are LookBack-1 at most.
var student = [LookBack]float64{0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365}

// weekBefore is which of the weeks before the campaign a day is in: 0 is the last one.
func (s *study) weekBefore(day calendar.Day) int { return int(s.campaign.First-1-day) / 7 }

// base is what a series was before the campaign.
type base struct {
	mean  map[time.Weekday]float64 // of the weekdays of the campaign that are often enough there
	n     map[time.Weekday]int
	weeks map[int]bool // with numbers for at least half of these weekdays
	days  int
}

// minWeekday is of how many weeks before a weekday must have a number.
const minWeekday = 3

// before gathers what the series was on the campaign's weekdays.
func (s *study) before(y days) base {
	b := base{mean: map[time.Weekday]float64{}, n: map[time.Weekday]int{}, weeks: map[int]bool{}}
	wanted := map[time.Weekday]bool{}
	for day := range y {
		if day >= s.campaign.First {
			wanted[day.Weekday()] = true
		}
	}
	inWeek := map[int]int{}
	for day := range y {
		if day < s.campaign.First && wanted[day.Weekday()] {
			inWeek[s.weekBefore(day)]++
		}
	}
	for week, n := range inWeek {
		if 2*n >= len(wanted) {
			b.weeks[week] = true
		}
	}
	for day, v := range y {
		if w := day.Weekday(); day < s.campaign.First && wanted[w] && b.weeks[s.weekBefore(day)] {
			b.mean[w] += v
			b.n[w]++
		}
	}
	for w, n := range b.n {
		if n < minWeekday {
			delete(b.mean, w)
			delete(b.n, w)
			continue
		}
		b.mean[w] /= float64(n)
		b.days += n
	}
	return b
}

// residuals are a series' days less the mean of their weekday before the campaign; days of which there is none are left out.
func (s *study) residuals(y days) (days, base) {
	b, out := s.before(y), days{}
	for day, v := range y {
		mean, ok := b.mean[day.Weekday()]
		if ok && (day >= s.campaign.First || b.weeks[s.weekBefore(day)]) {
			out[day] = v - mean
		}
	}
	return out, b
}

// compare holds the campaign's days against the weeks before. Least is the least variance of a day.
func (s *study) compare(store string, by Method, y days, least float64) Effect {
	e := Effect{Campaign: s.campaign.Name, Store: store, Method: by}
	r, b := s.residuals(y)
	sum, during := 0.0, map[time.Weekday]int{}
	weekSum, weekDays := map[int]float64{}, map[int]int{}
	for day, v := range r {
		if day >= s.campaign.First {
			e.During++
			sum += v
			during[day.Weekday()]++
		} else {
			weekSum[s.weekBefore(day)] += v
			weekDays[s.weekBefore(day)]++
		}
	}
	e.Before, e.Weeks = b.days, len(weekDays)
	if all := s.daysDuring(y); all < MinDays || e.Weeks < MinWeeks || e.During < MinDays {
		e.Reason = TooFewWeeks
		if all < MinDays {
			e.Reason = TooFewDays
		}
		e.During, e.Weeks = all, len(b.weeks) // what there is, used or not
		return e
	}
	// The variance of a day, as the means of weeks have it: where days of a week hang together it is greater than that of single days.
	variance := 0.0
	for week, total := range weekSum {
		variance += total * total / float64(weekDays[week])
	}
	variance = max(variance/float64(e.Weeks-1), least)
	// Of the mean of the campaign's days, and of the weekdays' means that they are held against.
	n := float64(e.During)
	spread := 1 / n
	for w, times := range during {
		share := float64(times) / n
		spread += share * share / float64(b.n[w])
	}
	change := sum / n
	half := student[e.Weeks-1] * math.Sqrt(variance*spread)
	e.Known, e.Change, e.Low, e.High = true, math.Expm1(change), math.Expm1(change-half), math.Expm1(change+half)
	return e
}

// daysDuring is how many days of the campaign have a number.
func (s *study) daysDuring(y days) int {
	n := 0
	for day := range y {
		if day >= s.campaign.First {
			n++
		}
	}
	return n
}
