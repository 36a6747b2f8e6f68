// Draws the time charts of the page from the data that stands beside them, which is the data of the tables below them. Without this
// script the tables are the page. Nothing is loaded and nothing is stored.
'use strict';
(() => {
  const day = 86400
  const number = new Intl.NumberFormat('en')
  const units = { percent: '\u202f%', minutes: ' min', seconds: ' s', bytes: ' B' }
  const say = (v, unit) => number.format(v) + (units[unit] ?? '')
  const charts = []
  let paper = false // while it is printed

  // date writes an instant on the store's clock; a store-day is a date without a clock and comes as midnight UTC.
  const dates = new Map()
  const date = (seconds, zone, options) => {
    const key = zone + JSON.stringify(options)
    if (!dates.has(key)) dates.set(key, new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options }))
    return dates.get(key).format(seconds * 1000)
  }
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
  const moment = (d, i) => {
    if (d.names) return d.names[i]
    if (d.step >= 7 * day) return 'Week of ' + date(d.x[i], d.zone, { day: 'numeric', month: 'long' })
    const on = date(d.x[i], d.zone, { weekday: 'short', day: 'numeric', month: 'long' })
    return d.step >= day ? on : `${on}, ${date(d.x[i], d.zone, clock)}`
  }

  // told is one value in words: the number with its interval, or why there is none.
  const told = (d, s, i) => {
    if (s.y[i] == null) return d.words[s.state?.[i]] ?? d.words.no_data
    const low = s.low?.[i], high = s.high?.[i]
    if (low == null) return say(s.y[i], s.unit)
    if (high == null) return `${say(s.y[i], s.unit)} (${say(low, s.unit)} or more)`
    return `${say(s.y[i], s.unit)} (${number.format(low)}${low < 0 || high < 0 ? ' to ' : '\u2013'}${say(high, s.unit)})`
  }

  // palette reads the colours that hold at the moment; paper is always light.
  const palette = () => {
    const style = getComputedStyle(paper ? document.querySelector('.paper') : document.documentElement)
    const of = (name) => style.getPropertyValue('--' + name).trim()
    return { line: of('grid'), soft: of('soft'), closed: of('closed'), dash: of('edge'), ground: of('raised'), series: [0, 1, 2, 3, 4, 5].map((n) => of('s' + n)) }
  }
  const veil = (colour, alpha) => colour + Math.round(alpha * 255).toString(16).padStart(2, '0')

  const ticks = (d, splits, incr) => splits.map((s, i) => {
    if (d.names) return d.names[s] ?? ''
    if (stands(d)) {
      const short = d.x.length <= 8 && d.step < 7 * day
      return date(s, d.zone, short ? { weekday: 'short', day: 'numeric' } : { day: 'numeric', month: 'short' })
    }
    const hour = date(s, d.zone, clock)
    return hour === '00:00' || i === 0 ? date(s, d.zone, { weekday: 'short', day: 'numeric' }) : hour
  })

  // edges are where the step of a point begins and ends: bars stand on their day, quarters begin at theirs.
  const stands = (d) => d.step >= day || d.names !== undefined
  const edges = (d, i) => stands(d) ? [d.x[i] - d.step / 2, d.x[i] + d.step / 2] : [d.x[i], d.x[i] + d.step]
  const few = (state) => state === 'under_10' || state === 'quiet'

  // empty paints where no number can be: the ground where it was closed or nothing is known, a dash where there were too few.
  const empty = (d, colours) => (u) => {
    const { ctx, bbox } = u, s = d.series[0]
    if (!s.state) return
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    for (let i = 0; i < d.x.length; i++) {
      if (s.y[i] != null) continue
      const [from, to] = edges(d, i).map((v) => u.valToPos(v, 'x', true))
      const thick = 3 * devicePixelRatio
      if (few(s.state[i])) {
        ctx.fillStyle = colours.dash
        const inset = d.kind === 'bars' ? (to - from) * 0.2 : 0
        ctx.fillRect(from + inset, bbox.top + bbox.height - thick, Math.max(to - from - 2 * inset, 1), thick)
      } else {
        ctx.fillStyle = colours.closed
        ctx.fillRect(Math.floor(from), bbox.top, Math.ceil(to) - Math.floor(from), bbox.height)
      }
    }
    ctx.restore()
  }

  // noted paints the days of promotions, holidays and closures behind the lines, with a strip at the top.
  const noted = (d, colours) => (u) => {
    if (!d.noted) return
    const { ctx, bbox } = u
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    for (const n of d.noted) {
      const from = u.valToPos(n.from - d.step / 2, 'x', true), to = u.valToPos(n.to + d.step / 2, 'x', true)
      ctx.fillStyle = veil(colours.series[3], 0.1)
      ctx.fillRect(from, bbox.top, to - from, bbox.height)
      ctx.fillStyle = colours.series[3]
      ctx.fillRect(from, bbox.top, to - from, 4 * devicePixelRatio)
    }
    ctx.restore()
  }
  const notedAt = (d, i) => (d.noted ?? []).filter((n) => n.from <= d.x[i] && d.x[i] <= n.to).map((n) => n.text)

  // beyond says whether an interval goes on above the chart; an arrow at its top stands for that.
  const beyond = (d, s, i) => d.top !== undefined && s.low?.[i] != null && (s.high[i] == null || s.high[i] > d.top)
  const arrows = (d, colours) => (u) => {
    const { ctx, bbox } = u, size = 5 * devicePixelRatio
    ctx.save()
    ctx.fillStyle = colours.soft
    for (const s of d.series) {
      for (let i = 0; i < d.x.length; i++) {
        if (!beyond(d, s, i)) continue
        const x = u.valToPos(d.x[i], 'x', true)
        ctx.beginPath()
        ctx.moveTo(x, bbox.top - size); ctx.lineTo(x + size, bbox.top + size); ctx.lineTo(x - size, bbox.top + size)
        ctx.fill()
      }
    }
    ctx.restore()
  }

  // whiskers are the intervals of bars.
  const whiskers = (d, colours) => (u) => {
    const { ctx } = u
    ctx.save()
    ctx.strokeStyle = colours.soft
    ctx.lineWidth = 1.5 * devicePixelRatio
    for (const s of d.series) {
      if (!s.low) continue
      for (let i = 0; i < d.x.length; i++) {
        const over = beyond(d, s, i)
        if (s.low[i] == null || (s.high[i] == null && !over)) continue
        const x = u.valToPos(d.x[i], 'x', true), low = u.valToPos(s.low[i], 'y', true), high = over ? u.bbox.top : u.valToPos(s.high[i], 'y', true)
        const cap = Math.min(5 * devicePixelRatio, u.bbox.width / d.x.length / 5)
        ctx.beginPath()
        ctx.moveTo(x, low); ctx.lineTo(x, high)
        if (!over) { ctx.moveTo(x - cap, high); ctx.lineTo(x + cap, high) }
        ctx.moveTo(x - cap, low); ctx.lineTo(x + cap, low)
        ctx.stroke()
      }
    }
    ctx.restore()
  }

  // lines are the series as uPlot wants them: of a band two without a stroke, and the value over them.
  const lines = (d, colours) => {
    const data = [d.x], series = [{}], bands = [], owner = [null]
    const add = (values, options, s) => { data.push(values); series.push(options); owner.push(s); return series.length - 1 }
    d.series.forEach((s, n) => {
      const colour = colours.series[n % colours.series.length]
      if (d.kind === 'bars' && n === 0) {
        add(s.y, { fill: veil(colour, 0.85), stroke: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.62, 46], radius: [0.12, 0] }) }, s)
        return
      }
      if (s.low && d.kind !== 'bars') {
        const edge = { stroke: veil(colour, 0.35), width: 1, points: { show: false } }
        const high = add(s.high, edge, null), low = add(s.low, edge, null)
        bands.push({ series: [high, low], fill: veil(colour, 0.2) })
      }
      const sparse = d.x.length <= 45
      add(s.y, { stroke: colour, width: 2, points: { show: sparse, size: 6, fill: colours.ground, stroke: colour, width: 2 } }, s)
    })
    return { data, series, bands, owner }
  }

  // most is the greatest number that is drawn, ends of intervals included.
  const most = (d) => Math.max(0, ...d.series.flatMap((s) => [...s.y, ...(s.high ?? [])]).filter((v) => v != null))

  // marks are points of the data, so that a label stands below what it names: as many as there is room for, the newest among them.
  const marks = (d) => (u, axis, min, max) => {
    const clock = d.names?.some((name) => name.endsWith(':00'))
    const seen = d.x.filter((x) => x >= min && x <= max && (!clock || d.names[x].endsWith(':00')))
    const least = Math.ceil(seen.length * (d.names ? 52 : 62) / Math.max(u.bbox.width / devicePixelRatio, 1))
    const every = (d.step === day ? [1, 2, 7, 14, 28, 56] : [1, 2, 4, 8, 16]).find((n) => n >= least) ?? least
    return seen.filter((x, i) => (seen.length - 1 - i) % every === 0)
  }

  const options = (d, colours, width, height, made) => {
    const axis = { stroke: colours.soft, font: '12px system-ui, sans-serif', ticks: { show: false } }
    const half = stands(d) ? d.step * 0.55 : 0
    return {
      width, height, series: made.series, bands: made.bands, legend: { show: false }, padding: [10, width < 500 ? 20 : 14, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), d.zone === 'UTC' ? 'Etc/UTC' : d.zone),
      scales: {
        x: { time: !d.names, range: (u, min, max) => [min - half, max + (half || d.step)] },
        y: { range: () => [0, d.top ?? Math.max(most(d) * 1.08, 12)] },
      },
      axes: [
        { ...axis, size: 28, gap: 6, grid: { show: false }, space: width < 500 ? 58 : 72, values: (u, splits, a, space, incr) => ticks(d, splits, incr), splits: stands(d) ? marks(d) : undefined },
        { ...axis, size: 48, space: 32, grid: { stroke: colours.line, width: 1 }, values: (u, splits) => splits.map((v) => say(v, d.series[0].unit)) },
      ],
      cursor: { y: false, points: { size: 9, fill: (u, i) => made.owner[i] ? u.series[i].stroke() : 'transparent' }, drag: { x: d.x.length > 60, y: false } },
      hooks: { drawClear: [empty(d, colours), noted(d, colours)], draw: d.kind === 'bars' ? [whiskers(d, colours), arrows(d, colours)] : [arrows(d, colours)], setCursor: [] },
    }
  }

  // tip is the small table beside the pointer.
  const tip = (box, d, colours) => {
    const at = document.createElement('div')
    at.className = 'tip'
    at.hidden = true
    at.ariaHidden = 'true'
    box.append(at)
    return (u) => {
      const i = u.cursor.idx
      at.hidden = i == null || u.cursor.left < 0
      if (at.hidden) return
      const head = document.createElement('b')
      head.textContent = moment(d, i)
      at.replaceChildren(head, ...d.series.map((s, n) => {
        const row = document.createElement('span'), dot = document.createElement('i'), value = document.createElement('strong')
        dot.className = 'dot s' + (n % 6)
        value.textContent = told(d, s, i)
        row.append(dot, s.label + ' ', value)
        return row
      }), ...notedAt(d, i).map((text) => {
        const row = document.createElement('span')
        row.textContent = text
        return row
      }))
      const x = u.bbox.left / devicePixelRatio + u.cursor.left, wide = at.offsetWidth
      at.style.left = Math.max(0, Math.min(box.clientWidth - wide, x > box.clientWidth / 2 ? x - wide - 14 : x + 14)) + 'px'
    }
  }

  // keys walks over the points with the arrow keys and says each.
  const keys = (chart) => (event) => {
    const { d, u } = chart
    const last = d.x.length - 1, now = u.cursor.idx ?? (event.key === 'ArrowLeft' ? last + 1 : -1)
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key]
    if (to === undefined) return
    event.preventDefault()
    const i = Math.max(0, Math.min(last, to))
    u.setCursor({ left: u.valToPos(d.x[i], 'x'), top: u.bbox.height / devicePixelRatio / 2 })
    chart.voice.textContent = moment(d, i) + ': ' + d.series.map((s) => `${s.label} ${told(d, s, i)}`).concat(notedAt(d, i)).join('; ')
  }

  const draw = (chart) => {
    chart.u?.destroy()
    chart.box.querySelector('.tip')?.remove()
    const colours = palette(), made = lines(chart.d, colours)
    const width = paper ? Math.min(chart.box.clientWidth, 640) : chart.box.clientWidth
    const o = options(chart.d, colours, width, chart.box.clientHeight, made)
    o.hooks.setCursor.push(tip(chart.box, chart.d, colours))
    chart.width = width
    chart.height = chart.box.clientHeight
    chart.u = new uPlot(o, made.data, chart.box)
    chart.box.querySelector('canvas').ariaHidden = 'true'
  }

  for (const box of document.querySelectorAll('.chart')) {
    const chart = { box, d: JSON.parse(box.nextElementSibling.textContent) }
    box.hidden = false
    box.tabIndex = 0
    chart.voice = document.createElement('span')
    chart.voice.className = 'unseen'
    chart.voice.ariaLive = 'polite'
    box.append(chart.voice)
    draw(chart)
    box.addEventListener('keydown', keys(chart))
    box.addEventListener('blur', () => chart.u.setCursor({ left: -10, top: -10 }))
    new ResizeObserver(() => box.clientWidth && (box.clientWidth !== chart.width || box.clientHeight !== chart.height) && !paper && draw(chart)).observe(box)
    charts.push(chart)
  }
  const again = (onPaper) => {
    paper = onPaper
    charts.forEach((c) => draw(c))
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => again(false))
  addEventListener('beforeprint', () => again(true))
  addEventListener('afterprint', () => again(false))

})()
