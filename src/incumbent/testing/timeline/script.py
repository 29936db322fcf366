"""The style and the script of the HTML page. The script only moves what the SVG holds: it draws nothing."""

from __future__ import annotations

from typing import Final

from incumbent.testing.timeline.style import styled

PAGE_STYLE: Final = styled("""
body{margin:0;background:$paper;color:$ink;font:14px/1.45 ui-sans-serif,system-ui,'DejaVu Sans',sans-serif}
header,nav,main,.note{padding:0 20px}
header{display:flex;gap:24px;align-items:baseline;flex-wrap:wrap}
h1{font-size:20px;margin:14px 0 6px}h2{font-size:15px;margin:18px 0 6px}
.held{color:#009E73;font-weight:600;margin:0}
.broken{color:$red;margin:0;padding-left:18px;flex-basis:100%}
nav{display:flex;gap:6px;align-items:center;margin:6px 0;flex-wrap:wrap}
button{font:inherit;color:inherit;padding:2px 10px;border:1px solid #cfccc3;border-radius:6px;background:#fff}
:focus-visible{outline:2px solid #0072B2;outline-offset:1px}
button:hover{background:#f1eee6}
#violation{border-color:$red;color:$red;font-weight:600}
#window{margin-left:10px;font-variant-numeric:tabular-nums}
.hint{margin-left:auto;color:#737880;font-size:12px}
#map{position:relative;margin:6px 12px 4px 128px;background:#f1eee6;border-radius:4px;cursor:pointer;
overflow:hidden;touch-action:none}
#map svg{display:block;width:100%}
#map rect{stroke:none}#map .fault{fill:#8a8f98}#map .two{fill:$red;fill-opacity:.7}
#brush{position:absolute;top:0;bottom:0;min-width:4px;box-sizing:border-box;pointer-events:none;
border:2px solid $ink;border-radius:3px;background:#ffffff30}
#chart{border-top:1px solid #e3e0d8;border-bottom:1px solid #e3e0d8;overflow:hidden;user-select:none}
#chart svg.timeline{display:block;touch-action:pan-y}
#legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:6px 20px;padding:0;list-style:none;color:#737880;
font-size:12px}
#legend li{display:flex;align-items:center;gap:6px}
.plot{cursor:grab}.plot [data-tip]:hover{filter:brightness(.8)}
#tip{position:fixed;display:none;max-width:min(520px,90vw);box-sizing:border-box;overflow-wrap:anywhere;z-index:9;pointer-events:none;white-space:pre-line;
background:$ink;color:#fff;padding:6px 10px;border-radius:6px;font-size:12.5px;box-shadow:0 3px 12px #0004}
main{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:32px;padding-bottom:30px}
@media(max-width:900px){main{display:block}}
table{border-collapse:collapse;font-size:13px}
td,th{padding:1px 10px 1px 0;vertical-align:top;text-align:left;font-weight:400}
th{white-space:nowrap;color:#737880}
.story{max-height:420px;overflow:auto;border:1px solid #e3e0d8;border-radius:6px}
.story table{width:100%}button,.story tr{cursor:pointer}.story tr:hover{background:#f1eee6}
.story td:first-child{padding-left:10px;text-align:right;color:#737880;font-variant-numeric:tabular-nums}
.story td:nth-child(-n+2){white-space:nowrap}.story td:last-child{width:100%}
.story a{color:inherit;text-decoration:none}.story tr:focus-within{background:#f1eee6}
td,th{overflow-wrap:anywhere}
@media(max-width:500px){header,nav,main,.note{padding:0 10px}#map{margin-left:10px}.hint{margin-left:0}
.story td{padding-right:6px}}
.w1{color:#737880}.w3{font-weight:600}.w4,.w5{color:$red;font-weight:600}
i{display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:5px}
pre{background:#f4f1ea;padding:10px;border-radius:6px;overflow:auto;max-height:260px;font-size:12px}
@media(prefers-color-scheme:dark){
:root{color-scheme:dark}
body,#chart .paper{background:#15171c;fill:#15171c;color:#e4e6ea}
#chart .timeline text:not([class*=on-c]){fill:#e4e6ea}
#chart .timeline .row,th,.hint,#legend,.w1,.story td:first-child{fill:#9aa1ab;color:#9aa1ab}
#chart .rule{stroke:#3b4048}#chart .grid{stroke:#252930}
#chart .role,#chart .free{stroke:#7b828d}
#chart .role.candidate,#chart .owed,#chart .expired,#chart .leg.lost,#chart .leg.slow,#chart .over,
#chart .leg.answer-lost,#chart .leg.unusable,#chart .leg.repeated,#legend [class*=leg],#legend .expired,
#legend .candidate,#legend .owed,#legend .over{stroke:#e4e6ea}
#chart .timeline .left,#legend .left{fill:#e4e6ea;stroke:#e4e6ea}
#chart .told,#chart .record.vacant,#chart .ink,#legend .told,#legend .ink{fill:#15171c}
#chart .ink,#legend .ink{stroke:#e4e6ea}#chart .record{stroke:#15171c}#chart .flag{stroke:#15171c}
button,pre,#map,.story tr:hover,.story tr:focus-within{background:#23272e}
button,.story,#chart{border-color:#3b4048}button:hover{background:#30353d}
#brush{border-color:#e4e6ea;background:#ffffff22}
#tip{background:#e4e6ea;color:#15171c}.held{color:#3fc79b}
.broken,.w4,.w5,#violation{color:#ff9a5c}.story .w1 td{color:#9aa1ab}
}
""")

SCRIPT: Final = r"""
(() => {
  const set = document.body.dataset
  const END = +set.end, LEASE = +set.lease, GUTTER = +set.gutter, CROWD = +set.crowd
  const byId = name => document.getElementById(name)
  const svg = document.querySelector("svg.timeline"), plot = svg.querySelector(".plot")
  const axis = plot.querySelector(".axis")
  const lanes = svg.querySelectorAll(".lane").length - 1, height = +svg.getAttribute("height")
  const top = +svg.getAttribute("viewBox").split(" ")[1]
  const tip = byId("tip"), brush = byId("brush"), map = byId("map")
  const marks = set.marks.split(",").filter(Boolean).map(Number)
  const told = [...document.querySelectorAll("tr[data-at]")]
  let next = 0, since = 0, until = END, width = 1, due = 0, row = -1

  for (const title of svg.querySelectorAll("title")) {
    title.parentNode.dataset.tip = title.textContent
    title.remove()
  }
  const item = node => ({
    node, a: +node.dataset.a, b: +(node.dataset.b ?? node.dataset.a), hidden: false, kind: node.tagName,
    y: node.dataset.y, room: node.tagName === "text" ? node.textContent.length * 6.2 + 8 : 0,
    ok: node.classList.contains("ok"), parts: node.tagName === "g" ? [...node.children].map(item) : null,
  })
  const items = [...plot.querySelectorAll("[data-a]")].filter(node => !node.parentNode.dataset.a).map(item)

  const x = at => (at - since) / (until - since) * width
  const clamp = at => Math.max(-999, Math.min(width + 999, at))
  function place({ node, a, b, kind, y, room, parts }) {
    const from = x(a), to = x(b)
    if (kind === "rect") {
      const left = clamp(from)
      node.setAttribute("x", left)
      node.setAttribute("width", Math.max(clamp(to) - left, 1))
    } else if (kind === "line") {
      const flat = node.getAttribute("y1") === node.getAttribute("y2")
      node.setAttribute("x1", flat ? clamp(from) : from)
      node.setAttribute("x2", flat ? clamp(to) : to)
    } else if (kind === "polygon") {
      node.setAttribute("transform", `translate(${from} ${y}) scale(${Math.max(to - from, 0.01)} 1)`)
    } else if (kind === "text") {
      if (node.classList.contains("flag")) {
        node.setAttribute("x", Math.min(from + 4, width - 1.2 * room))
        return
      }
      const left = Math.max(from, 0)
      node.setAttribute("x", left + 4)
      node.setAttribute("visibility", Math.min(to, width) - left > room ? "visible" : "hidden")
    } else if (kind === "use") node.setAttribute("x", from)
    else parts.forEach(place)
  }
  function ticks() {
    let step = 1e-9
    while (step * width / 90 < until - since) step *= step.toExponential(2)[0] === "2" ? 2.5 : 2
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
    let drawn = ""
    for (let n = Math.ceil(since / step); n * step <= until; n++) {
      const at = x(n * step)
      drawn += `<line class="grid" x1="${at}" x2="${at}" y1="18" y2="${height + top}"/>`
      drawn += `<text class="row" x="${at + 3}" y="18">${(n * step).toFixed(digits)} s</text>`
    }
    axis.innerHTML = drawn
  }
  function draw() {
    due = 0
    const near = items.filter(one => one.a <= until && one.b >= since)
    const far = near.filter(one => one.ok).length / lanes * CROWD > width
    svg.classList.toggle("far", far)
    const shown = new Set(near)
    for (const one of items) {
      const hide = !shown.has(one)
      if (hide !== one.hidden) one.node.style.display = (one.hidden = hide) ? "none" : ""
    }
    for (const one of near) if (!(far && one.ok)) place(one)
    ticks()
    brush.style.left = `${since / END * 100}%`
    brush.style.width = `${(until - since) / END * 100}%`
    const length = until - since, digits = length > 20 ? 1 : length > 0.1 ? 3 : 9
    byId("window").textContent = `${since.toFixed(digits)} s to ${until.toFixed(digits)} s`
  }
  function show(from, to) {
    const length = Math.min(Math.max(to - from, 1e-7), END)
    since = Math.max(0, Math.min(from, END - length))
    until = since + length
    due = due || requestAnimationFrame(draw)
  }
  const zoom = (by, at = (since + until) / 2) => show(at - (at - since) * by, at + (until - at) * by)
  const move = by => show(since + by, until + by)
  const around = (at, wide = LEASE * 3) => show(at - wide * 0.7, at + wide * 0.3)
  const acts = {
    whole: () => show(0, END), in: () => zoom(0.6), out: () => zoom(1 / 0.6),
    left: () => move((since - until) / 4), right: () => move((until - since) / 4),
    violation: () => around(marks[next++ % marks.length]),
    before: () => tell(row - 1), after: () => tell(row + 1),
  }
  function tell(number) {
    if (!told.length) return
    row = Math.max(0, Math.min(told.length - 1, number))
    told[row].querySelector("a").focus()
    around(+told[row].dataset.at)
  }
  const keys = {
    0: "whole", "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", v: "violation",
    n: "after", p: "before",
  }
  for (const name of Object.keys(acts)) byId(name)?.addEventListener("click", acts[name])
  addEventListener("keydown", event => {
    const name = keys[event.key]
    if (event.ctrlKey || event.metaKey || event.altKey || !name || !byId(name)) return
    acts[name]()
    event.preventDefault()
  })
  const time = event => {
    const left = svg.getBoundingClientRect().left + GUTTER
    return since + (event.clientX - left) / width * (until - since)
  }
  svg.addEventListener("wheel", event => {
    event.preventDefault()
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)
    if (sideways) move((event.deltaX || event.deltaY) / width * (until - since))
    else zoom(Math.exp(event.deltaY * 0.0015), time(event))
  }, { passive: false })
  let held = null
  svg.addEventListener("pointerdown", event => {
    held = event.clientX
    svg.setPointerCapture(event.pointerId)
  })
  svg.addEventListener("pointerup", () => { held = null })
  svg.addEventListener("pointermove", event => {
    if (held !== null) {
      move((held - event.clientX) / width * (until - since))
      held = event.clientX
    }
    hint(event, held === null && event.target.closest("[data-tip]"))
  })
  svg.addEventListener("click", event => {
    hint(event, document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-tip]"))
  })
  function hint(event, over) {
    tip.style.display = over ? "block" : "none"
    if (!over) return
    tip.textContent = over.dataset.tip
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`
    const below = event.clientY + 18
    const above = event.clientY - tip.offsetHeight - 12
    tip.style.top = `${below + tip.offsetHeight > innerHeight ? above : below}px`
  }
  svg.addEventListener("pointerleave", () => { tip.style.display = "none" })
  const jump = event => {
    if (event.type === "pointermove" && !event.buttons) return
    const box = map.getBoundingClientRect(), half = (until - since) / 2
    const at = (event.clientX - box.left) / box.width * END
    if (half * 2 < END) show(at - half, at + half)
    else around(at)
  }
  map.addEventListener("pointerdown", jump)
  map.addEventListener("pointermove", jump)
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches
  told.forEach((line, number) => line.addEventListener("click", event => {
    event.preventDefault()
    tell(number)
    scrollTo({ top: 0, behavior: isCalm ? "auto" : "smooth" })
  }))
  function resize() {
    const all = byId("chart").clientWidth
    width = Math.max(all - GUTTER - 12, 100)
    svg.setAttribute("width", all)
    svg.setAttribute("viewBox", `0 ${top} ${all} ${height}`)
    plot.setAttribute("width", width)
    for (const rule of svg.querySelectorAll(".rule")) rule.setAttribute("x2", all)
    due = due || requestAnimationFrame(draw)
  }
  addEventListener("resize", resize)
  const asked = location.hash.slice(1).split("-").map(Number)
  if (asked.length === 2 && asked[0] < asked[1]) show(...asked)
  else if (location.hash.length > 1 && asked[0] >= 0) around(asked[0])
  else if (marks.length) acts.violation()
  resize()
  draw()
})()
"""
