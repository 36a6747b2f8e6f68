// Opens the built-in page in a real browser and says what does not hold. It is given one JSON object: url (of the page), store and
// empty (stores with and without data), names (theirs), visits (by date, as they were published), shots (a folder), chromium.
// Each line of output is something that does not hold; silence and exit status 0 mean that everything does.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'

const given = JSON.parse(process.argv[2])
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const sizes = { 390: 844, 1440: 900 }
const words = { under_10: 'under 10', quiet: 'quiet', closed: 'closed', no_data: 'no data', policy: 'not available: policy', value: 'no data' }
const origin = new URL(given.url).origin

let broken = 0
const hold = (ok, what) => {
  if (ok) return
  broken++
  console.log(what)
}
const at = (query) => given.url + '?' + new URLSearchParams(query)

// open opens a page with nothing remembered; what its console says and what it loads is kept. The browser's own picture in a date field
// is a data: address; the page's policy allows it no other.
async function open(browser, script = true) {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  await page.setJavaScriptEnabled(script)
  const complaints = []
  page.on('console', (m) => ['error', 'warn', 'warning'].includes(m.type()) && complaints.push(m.text()))
  page.on('pageerror', (e) => complaints.push(String(e)))
  page.on('requestfailed', (r) => complaints.push('not loaded: ' + r.url()))
  page.on('response', (r) => hold(r.url().startsWith('data:') || new URL(r.url()).origin === origin, `the page loads ${r.url()}`))
  return { page, close: async (name) => {
    hold(complaints.length === 0, `${name}: the console says ${complaints.join('; ')}`)
    hold((await page.cookies()).length === 0, `${name}: there is a cookie`)
    await context.close()
  } }
}

// settled waits until the charts have drawn themselves into their final size.
const settled = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50)))))

// examine looks at a page in both schemes and widths: axe, its width, its charts.
async function examine(page, name, address) {
  for (const scheme of ['light', 'dark']) {
    for (const [width, height] of Object.entries(sizes)) {
      const where = (what) => `${name}, ${width} px, ${scheme}: ${what}`
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      await page.setViewport({ width: Number(width), height, deviceScaleFactor: width < 500 ? 2 : 1 })
      await page.goto(address, { waitUntil: 'load' })
      await settled(page)
      const across = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      hold(across <= 0, where(`${across} pixels too wide`))
      for (const [id, colours] of await inks(page)) hold(colours >= 3, where(`the chart ${id} is empty: ${colours} colours`))
      for (const problem of await unseen(page)) hold(false, where(problem))
      await page.evaluate(axeSource)
      const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] }))
      for (const v of found.violations) hold(false, where(`${v.id}: ${v.help}: ${v.nodes.slice(0, 5).map((n) => n.target.join(' ')).join(', ')}`))
      if (given.shots) await page.screenshot({ path: join(given.shots, `page-${name}-${width}-${scheme}.png`), fullPage: true })
    }
  }
}

// unseen opens every table and names those that are wider than their room and do not show it: a shadow, the keyboard, a name.
const unseen = (page) => page.evaluate(() => {
  for (const d of document.querySelectorAll('details.rows')) d.open = true
  const wide = [...document.querySelectorAll('.scroll')].filter((s) => s.scrollWidth > s.clientWidth + 1)
  const out = innerWidth < 500 && document.querySelector('.form-plot') && wide.length === 0 ? ['no table is wider than a phone: the test looks at nothing'] : []
  for (const s of wide) {
    const named = s.getAttribute('aria-label') || s.getAttribute('aria-labelledby')
    if (!getComputedStyle(s).backgroundImage.includes('gradient') || s.tabIndex !== 0 || s.getAttribute('role') !== 'region' || !named) {
      out.push(`a table of ${s.closest('article').id} goes on to the right and does not show it`)
    }
  }
  for (const d of document.querySelectorAll('details.rows')) d.open = false
  return out
})

// inks counts the colours of each chart's canvas; an empty one has one.
const inks = (page) => page.$$eval('.chart', (charts) => charts.map((chart) => {
  const canvas = chart.querySelector('canvas')
  if (!canvas || chart.hidden || chart.clientHeight === 0) return [chart.closest('article').id, 0]
  const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)
  return [chart.closest('article').id, new Set(pixels).size]
}))

// cards are the panels of the page as they stand in it: the table's cells, the chart's data, and where the CSV is.
const cards = (page) => page.$$eval('[data-panel]', (all) => all.map((card) => ({
  id: card.dataset.panel,
  csv: card.querySelector('.csv').href,
  rows: [...card.querySelectorAll('table.data tbody tr')].map((tr) => [...tr.cells].map((c) => c.textContent)),
  plot: JSON.parse(card.querySelector('script')?.textContent ?? 'null'),
})))

// expected are the cells that the API's answer makes: no store, ends of an interval in one cell, a word for what is missing.
function expected(answer) {
  const { columns, rows } = answer
  const find = (role, of) => columns.findIndex((c) => c.role === role && c.of === of)
  const isNumber = (name) => columns.some((c) => c.name === name && ['value', 'detail'].includes(c.role))
  const number = (v) => v.toLocaleString('en', { maximumFractionDigits: 20 }).replace('-', '\u2212')
  const date = (text) => new Date(text).toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }).replace(',', '')
  return rows.map((row) => columns.flatMap((c, i) => {
    if (['low', 'high'].includes(c.role) || c.name === 'store' || (c.role === 'state' && isNumber(c.of))) return []
    const [low, high, state] = ['low', 'high', 'state'].map((role) => find(role, c.name))
    let text = row[i]
    if (text === null) text = c.role === 'value' || state >= 0 ? words[row[state] ?? 'no_data'] : ''
    else if (typeof text === 'number') text = number(text)
    else if (typeof text === 'boolean') text = text ? 'yes' : 'no'
    else if (/^\d{4}-\d\d-\d\d$/.test(text)) text = date(text)
    else if (c.role === 'instant') text = null // on the store's clock; the test of cells has it
    else text = words[text] ?? text
    if (low < 0 || high < 0) return [text]
    if (row[low] === null) return [text, '']
    if (row[high] === null) return [text, `${number(row[low])} or more`]
    return [text, `${number(row[low])}${Math.min(row[low], row[high]) < 0 ? ' to ' : '\u2013'}${number(row[high])}`]
  }))
}

// sameNumbers compares the tables and the charts of the page with the API, and the CSV's length.
async function sameNumbers(page) {
  await page.goto(at({ store: given.store }), { waitUntil: 'load' })
  const all = await cards(page)
  hold(all.length >= 12, `there are ${all.length} panels`)
  let drawn = 0
  for (const card of all) {
    const answer = await (await fetch(card.csv.replace('.csv?', '?'))).json()
    const want = expected(answer)
    const timed = ['time', 'instant'].includes(answer.columns.find((c) => ['time', 'instant', 'category'].includes(c.role) && c.name !== 'store')?.role)
    if (timed) want.reverse()
    const got = card.rows.map((row, i) => row.map((cell, j) => (want[i]?.[j] === null ? null : cell)))
    const length = Math.min(want.length, 400)
    hold(JSON.stringify(got) === JSON.stringify(want.slice(0, length)), `${card.id}: the table is not what the API says: ${JSON.stringify(got.find((r, i) => JSON.stringify(r) !== JSON.stringify(want[i])))}`)
    if (card.plot) {
      drawn++
      const values = answer.columns.flatMap((c, i) => (c.role === 'value' && card.plot.series.some((s) => s.label === c.label) ? [answer.rows.map((r) => r[i])] : []))
      hold(JSON.stringify(values) === JSON.stringify(card.plot.series.map((s) => s.y)), `${card.id}: the chart does not draw what the API says`)
    }
    const file = await fetch(card.csv)
    hold(file.headers.get('content-disposition')?.startsWith('attachment'), `${card.id}: the CSV is not a download`)
    hold((await file.text()).trimEnd().split('\r\n').length === answer.rows.length + 1, `${card.id}: the CSV has another number of rows`)
  }
  hold(drawn >= 8, `there are ${drawn} charts`)
  const days = all.find((c) => c.id === 'visits_by_day')?.plot
  const shown = Object.fromEntries((days?.x ?? []).map((x, i) => [new Date(x * 1000).toISOString().slice(0, 10), days.series.at(-1).y[i]]))
  hold(JSON.stringify(shown) === JSON.stringify(given.visits), `visits by day are drawn as ${JSON.stringify(shown)}, published as ${JSON.stringify(given.visits)}`)
}

// keyboard reaches the form and walks over a chart.
async function keyboard(page) {
  await page.setViewport({ width: 1440, height: 900 })
  await page.goto(at({ store: given.store }), { waitUntil: 'load' })
  const order = []
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab')
    order.push(await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement)
      return (document.activeElement.id || document.activeElement.className || document.activeElement.tagName) + (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 ? '' : ' (not seen)')
    }))
  }
  // A date field has parts, and the browser draws the focus of the last one, the calendar's button, itself.
  hold(order[0] === 'skip' && order.includes('store') && !order.some((o) => /^(?!from|to).*not seen/.test(o)), `Tab goes ${order.join(', ')}`)
  await page.focus('#p-visits_by_day .chart')
  for (const key of ['End', 'ArrowLeft']) await page.keyboard.press(key)
  const said = await page.$eval('#p-visits_by_day .chart [aria-live]', (e) => e.textContent)
  hold(/Estimated visits .*\d/.test(said), `the arrow keys say "${said}"`)
  hold(await page.$eval('#p-visits_by_day .tip', (e) => !e.hidden && e.textContent.length > 10), 'the arrow keys show no values')
  const summary = await page.$('#p-visits_by_day .rows summary')
  await summary.focus()
  await page.keyboard.press('Enter')
  hold(await page.$eval('#p-visits_by_day .rows', (e) => e.open), 'the table does not open by keyboard')
}

// choose takes a range, dates and another store.
async function choose(page) {
  await page.goto(at({ store: given.store }), { waitUntil: 'load' })
  const press = (selector) => Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(selector)])
  await press('.presets a:first-child')
  hold(page.url().includes('range=7d') && (await page.$eval('.presets a', (a) => a.getAttribute('aria-current'))) === 'true', '7 days cannot be chosen')
  hold((await cards(page)).find((c) => c.id === 'visits_by_day').plot.x.length <= 7, '7 days are more')
  const dates = Object.keys(given.visits)
  await page.$eval('#from', (e, v) => { e.value = v }, dates[1])
  await page.$eval('#to', (e, v) => { e.value = v }, dates[2])
  await press('.choose button')
  hold((await cards(page)).find((c) => c.id === 'visits_by_day').plot.x.length === 2, 'two days cannot be chosen')
  await page.select('#store', given.empty)
  await press('.choose button')
  hold((await page.$eval('h1', (e) => e.textContent)) === given.names[given.empty], 'the other store cannot be chosen')
  hold((await page.$$('.form-nothing .nothing')).length > 5, 'a store without data does not say why')
}

// bare is the page without JavaScript: tables, and no room for charts that are not there.
async function bare(browser) {
  const { page, close } = await open(browser, false)
  await page.setViewport({ width: 390, height: 844 })
  await page.goto(at({ store: given.store }), { waitUntil: 'load' })
  await page.click('#p-visits_by_day .rows summary')
  const box = await (await page.$('#p-visits_by_day table.data')).boundingBox()
  hold(box?.height > 100, 'without JavaScript there is no table')
  hold((await (await page.$('#p-visits_by_day .chart')).boundingBox()) === null, 'without JavaScript there is room for a chart')
  await close('without JavaScript')
}

// print makes paper of it, from the dark page.
async function print(page) {
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
  await page.goto(at({ store: given.store }), { waitUntil: 'load' })
  const file = given.shots ? join(given.shots, 'page-store.pdf') : undefined
  const pdf = Buffer.from(await page.pdf({ path: file, preferCSSPageSize: true, printBackground: true })).toString('latin1')
  const sheets = pdf.match(/\/Type\s*\/Page\b/g)?.length
  hold(sheets >= 2 && sheets <= 8, `it prints on ${sheets} sheets`)
}

if (given.shots) mkdirSync(given.shots, { recursive: true })
const browser = await puppeteer.launch({
  executablePath: given.chromium, headless: true, protocolTimeout: 60_000,
  args: ['--no-first-run', '--disable-extensions', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
})
try {
  const { page, close } = await open(browser)
  await examine(page, 'store', at({ store: given.store }))
  await examine(page, 'empty', at({ store: given.empty }))
  await examine(page, 'week', at({ store: given.store, range: '7d' }))
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
  await sameNumbers(page)
  await keyboard(page)
  await choose(page)
  await print(page)
  await close('the page')
  await bare(browser)
} catch (e) {
  hold(false, `the test itself stopped: ${e.stack}`)
} finally {
  await browser.close()
}
process.exit(broken ? 1 : 0)
