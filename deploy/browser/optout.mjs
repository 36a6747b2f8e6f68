// Drives the opt-out pages in a real browser and says what does not hold. It is given one JSON object: url (where the service
// listens), code (what the sign's QR code has to say), store, shots (a folder), chromium.
// Each line of output is something that does not hold; silence and exit status 0 mean that everything does.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import jsQR from 'jsqr'
import { PNG } from 'pngjs'
import puppeteer from 'puppeteer-core'

const given = JSON.parse(process.argv[2])
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const languages = ['en', 'de']
const widths = { 320: 568, 1280: 900 }
const heaviest = 50_000 // bytes of a page with all that belongs to it
const target = 44 // pixels of what a finger has to hit
const addresses = { en: ['00-00-5e-00-53-01', '0000.5E00.5303'], de: ['00:00:5E:00:53:02', '00 00 5e 00 53 04'] }
const said = {
  en: { excluded: 'This address is excluded', since: 'Excluded since', none: 'Nothing is registered', undone: 'Done', error: 'Error:' },
  de: { excluded: 'Diese Adresse ist ausgeschlossen', since: 'Ausgeschlossen seit', none: 'Unter diesem Code ist nichts', undone: 'Erledigt', error: 'Fehler:' },
}

let broken = 0
const hold = (ok, what) => {
  if (ok) return
  broken++
  console.log(what)
}
const text = (page, selector) => page.$eval(selector, (e) => e.textContent.trim()).catch(() => '')
const url = (path) => given.url + path

// send presses the button and waits for the next page.
async function send(page, selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(selector)])
}

// focused waits for the browser, which moves the focus to what has autofocus when it next draws, not when the page is there.
async function focused(page, selector) {
  for (let i = 0; i < 100; i++) {
    if (await page.$eval(selector, (e) => e === document.activeElement)) return true
    await new Promise((done) => setTimeout(done, 100))
  }
  return false
}

async function enter(page, selector, value) {
  await page.$eval(selector, (e) => { e.value = '' })
  await page.type(selector, value)
}

// open opens a page in a context of its own, with nothing remembered; what its console says and what it loads is kept.
async function open(browser, lang, script) {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  await page.setCacheEnabled(false)
  await page.setJavaScriptEnabled(script)
  await page.setExtraHTTPHeaders({ 'Accept-Language': lang + ';q=0.9' })
  const heard = { complaints: [], bytes: 0 }
  page.on('console', (m) => m.type() === 'error' && !/status of 422/.test(m.text()) && heard.complaints.push(m.text()))
  page.on('pageerror', (e) => heard.complaints.push(String(e)))
  page.on('requestfailed', (r) => heard.complaints.push('not loaded: ' + r.url()))
  page.on('response', async (r) => {
    if (r.request().isNavigationRequest()) heard.bytes = 0
    hold(new URL(r.url()).origin === new URL(given.url).origin, `a page loads ${r.url()}`)
    heard.bytes += Number(r.headers()['content-length'] ?? 0)
  })
  return { page, heard, close: () => context.close() }
}

// journey registers, looks up, undoes and looks up again without JavaScript.
async function journey(browser, lang) {
  const { page, heard, close } = await open(browser, lang, false)
  const where = (what) => `${lang}, without JavaScript: ${what}`
  await page.setViewport({ width: 320, height: 568 })
  await page.goto(url('/'))
  hold(page.url() === url(`/${lang}/`), where(`/ led to ${page.url()}`))

  await enter(page, '#address', '00:00:5E:0')
  await send(page, 'form .actions button')
  hold((await page.title()).startsWith(said[lang].error), where(`a typo's title is "${await page.title()}"`))
  hold(await focused(page, '#summary'), where('a typo does not put the focus on its explanation'))
  hold((await page.$eval('#address', (e) => e.value)) === '00:00:5E:0', where('a typo is not shown again'))

  await enter(page, '#address', addresses[lang][0])
  await send(page, 'form .actions button')
  hold((await text(page, 'h1')) === said[lang].excluded, where(`after registering: "${await text(page, 'h1')}"`))
  const receipt = await text(page, '.receipt')
  hold(/^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$/.test(receipt), where('the receipt is not four groups of five'))

  const look = async () => {
    await page.goto(url(`/${lang}/check`))
    await enter(page, '#receipt', receipt.toLowerCase().replaceAll('-', ' '))
    await send(page, 'form .actions button')
    return text(page, '.state')
  }
  hold((await look()).startsWith(said[lang].since), where('the receipt is not found'))
  await send(page, 'form[action$="/undo"] button')
  hold((await text(page, 'h1')) === said[lang].undone, where('undo says something else'))
  hold((await look()).startsWith(said[lang].none), where('after the undo the receipt is still there'))
  hold((await page.cookies()).length === 0, where('there is a cookie'))
  hold(heard.complaints.length === 0, where(heard.complaints.join('; ')))
  await close()
}

// keyboard registers with nothing but Tab, letters and Enter.
async function keyboard(browser, lang) {
  const { page, close } = await open(browser, lang, false)
  await page.goto(url(`/${lang}/`))
  const order = []
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => {
      const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect()
      return { name: e.id || e.className || e.hash || e.tagName, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2, inside: box.bottom > 0 && box.top < innerHeight }
    })
    hold(at.seen && at.inside, `${lang}, keyboard: the focus on ${at.name} cannot be seen`)
    order.push(at.name)
    if (at.name === 'address') break
  }
  hold(order[0] === 'skip' && order.at(-1) === 'address', `${lang}, keyboard: Tab goes ${order.join(', ')}`)
  await page.keyboard.type(addresses[lang][1])
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  hold((await text(page, 'h1')) === said[lang].excluded, `${lang}, keyboard: after Enter the page says "${await text(page, 'h1')}"`)
  await examine(page, lang, 'result')
  await page.emulateMediaType('print')
  if (given.shots) await page.screenshot({ path: join(given.shots, `result-${lang}-print.png`), fullPage: true })
  await close()
}

// examine looks at the page that stands there: in both schemes and widths, by axe, for its width and its targets.
async function examine(page, lang, name) {
  await page.setJavaScriptEnabled(true) // axe needs timers; the page itself was made without
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    for (const [width, height] of Object.entries(widths)) {
      const where = (what) => `${lang}, ${name}, ${width} px, ${scheme}: ${what}`
      await page.setViewport({ width: Number(width), height })
      const across = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      hold(across <= 0, where(`${across} pixels too wide`))
      const small = await page.evaluate((least) => [...document.querySelectorAll('button, input:not([type=hidden]), .actions a, nav a')]
        .filter((e) => e.offsetParent && e.getBoundingClientRect().height < least - 0.5).map((e) => e.textContent || e.id), target)
      hold(small.length === 0, where(`too small to hit: ${small.join(', ')}`))
      await page.evaluate(axeSource)
      const found = await page.evaluate(() => axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
      }))
      for (const v of found.violations) hold(false, where(`${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`))
      if (given.shots) await page.screenshot({ path: join(given.shots, `${name}-${lang}-${width}-${scheme}.png`), fullPage: true })
    }
  }
}

// tour looks at every page that can be asked for, and at the answers to what is wrong.
async function tour(browser, lang) {
  const { page, heard, close } = await open(browser, lang, true)
  const pages = { start: '', check: 'check', help: 'help', desk: 'desk', notices: 'notice', notice: 'notice/' + given.store, sign: 'sign/' + given.store }
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(url(`/${lang}/${path}`))
    hold(heard.bytes > 0 && heard.bytes < heaviest, `${lang}, ${name}: ${heard.bytes} bytes`)
    hold((await page.$eval('html', (e) => e.lang)) === lang, `${lang}, ${name}: the page says it is in another language`)
    await examine(page, lang, name)
  }
  await page.goto(url(`/${lang}/`))
  await enter(page, '#address', 'hello')
  await send(page, 'form .actions button')
  await examine(page, lang, 'typo')
  await enter(page, '#address', '02:00:5E:00:53:01')
  await send(page, 'form .actions button')
  await examine(page, lang, 'random')
  await page.goto(url(`/${lang}/check`))
  await enter(page, '#receipt', 'ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ')
  await send(page, 'form .actions button')
  await examine(page, lang, 'standing')
  hold(heard.complaints.length === 0, `${lang}: the console says ${heard.complaints.join('; ')}`)
  await close()
}

// sign reads the code as a phone's camera does, and prints the sign.
async function sign(browser, lang) {
  const { page, close } = await open(browser, lang, true)
  await page.setViewport({ width: 1280, height: 900 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
  await page.goto(url(`/${lang}/sign/${given.store}`))
  const image = PNG.sync.read(Buffer.from(await (await page.$('.qr')).screenshot()))
  const read = jsQR(new Uint8ClampedArray(image.data), image.width, image.height)
  hold(read?.data === given.code, `${lang}, sign: the code says ${read?.data}`)
  for (const paper of ['a4', 'a5']) {
    await page.goto(url(`/${lang}/sign/${given.store}?paper=${paper}`))
    const file = given.shots ? join(given.shots, `sign-${lang}-${paper}.pdf`) : undefined
    const pdf = Buffer.from(await page.pdf({ path: file, preferCSSPageSize: true, printBackground: true })).toString('latin1')
    const sheets = pdf.match(/\/Type\s*\/Page\b/g)?.length
    hold(sheets === 1, `${lang}, sign: ${paper} prints on ${sheets} sheets`)
    const wide = Number(pdf.match(/\/MediaBox\s*\[\s*0\s+0\s+([\d.]+)/)?.[1])
    const want = paper === 'a4' ? 595 : 419.5 // points
    hold(Math.abs(wide - want) < 2, `${lang}, sign: ${paper} prints ${wide} points wide`)
  }
  await close()
}

// machine registers until it is asked for work, and lets the page's script do it.
async function machine(browser) {
  const { page, heard, close } = await open(browser, 'en', false)
  for (let n = 10; n < 30; n++) {
    await page.goto(url('/en/'))
    await enter(page, '#address', `00:00:5E:00:53:${n}`)
    await send(page, 'form .actions button')
    if (await page.$('#work')) break
  }
  hold(await page.$('#work'), 'twenty registrations in a row are not asked for a proof')
  hold(await page.$eval('#how', (e) => !e.hidden), 'without JavaScript the page does not say how long to wait')
  await examine(page, 'en', 'wait')
  await close()
  const again = await open(browser, 'en', true)
  await again.page.goto(url('/en/'))
  await enter(again.page, '#address', '00:00:5E:00:53:31')
  await send(again.page, 'form .actions button')
  await again.page.waitForSelector('.receipt', { timeout: 60_000 }).catch(() => hold(false, 'the script does not get through the work'))
  hold(again.heard.complaints.length === 0 && heard.complaints.length === 0, `work: the console says ${again.heard.complaints.concat(heard.complaints).join('; ')}`)
  await again.close()
}

if (given.shots) mkdirSync(given.shots, { recursive: true })
const browser = await puppeteer.launch({
  executablePath: given.chromium, headless: true, protocolTimeout: 60_000,
  args: ['--no-first-run', '--disable-extensions', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
})
try {
  for (const lang of languages) {
    await journey(browser, lang)
    await keyboard(browser, lang)
    await tour(browser, lang)
    await sign(browser, lang)
  }
  await machine(browser)
} catch (e) {
  hold(false, `the test itself stopped: ${e.stack}`)
} finally {
  await browser.close()
}
process.exit(broken ? 1 : 0)
