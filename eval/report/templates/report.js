"use strict";
// One sound at a time: whatever begins stops what plays.
const said = document.getElementById("playing");
let sounding = null, context = null;
function begin(one) {
  if (sounding && sounding !== one) { sounding.stop(); }
  sounding = one;
}
function make(kind, properties, parent) {
  const made = Object.assign(document.createElement(kind), properties);
  parent.append(made);
  return made;
}

// Two ways to play the sounds of an item together. Decoded sounds are exact to the sample. A page opened from disk with
// its sounds in a folder may not read them, so there the elements of the page play, with all but one muted.
class Decoded {
  constructor(sounds) { this.sounds = sounds; this.sources = []; }
  async load() {
    context = context || new AudioContext();
    await context.resume();
    this.loading = this.loading || Promise.all(this.sounds.map(async (one) => context.decodeAudioData(await content(one.getAttribute("src")))));
    this.buffers = await this.loading;
    this.lengths = this.buffers.map((one) => one.duration);
  }
  get clock() { return context ? context.currentTime : 0; }
  start(at, index) {
    this.gains = this.buffers.map((_, place) => new GainNode(context, { gain: place === index ? 1 : 0 }));
    this.sources = this.buffers.map((buffer, place) => {
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(this.gains[place]).connect(context.destination);
      if (at < buffer.duration) { source.start(0, at); }
      return source;
    });
  }
  hear(index) {
    this.gains.forEach((gain, place) => {
      gain.gain.cancelScheduledValues(context.currentTime);
      gain.gain.setTargetAtTime(place === index ? 1 : 0, context.currentTime, 0.003);
    });
  }
  stop() {
    for (const source of this.sources) { try { source.stop(); } catch (error) { /* it never began */ } source.disconnect(); }
    this.sources = [];
  }
}
class Elements {
  constructor(sounds) { this.sounds = sounds; this.sources = []; }
  async load() {
    this.lengths = this.lengths || await Promise.all(this.sounds.map((one) => new Promise((done, failed) => {
      one.addEventListener("loadedmetadata", () => done(one.duration)); one.addEventListener("error", failed);
      one.preload = "auto"; one.load();
    })));
  }
  get clock() { return performance.now() / 1000; }
  start(at, index) {
    this.sources = this.sounds.filter((_, place) => at < this.lengths[place]);
    this.sounds.forEach((one, place) => { one.currentTime = Math.min(at, this.lengths[place]); one.muted = place !== index; });
    for (const one of this.sources) { one.play(); }
  }
  hear(index) { this.sounds.forEach((one, place) => { one.muted = place !== index; }); }
  stop() { for (const one of this.sources) { one.pause(); } for (const one of this.sounds) { one.muted = false; } this.sources = []; }
}
async function content(source) {
  if (!source.startsWith("data:")) { return (await fetch(source)).arrayBuffer(); }
  return Uint8Array.from(atob(source.slice(source.indexOf(",") + 1)), (one) => one.charCodeAt(0)).buffer;
}

// The sounds of one item. All run together and only one is heard, so a switch keeps the position and has no gap.
class Comparison {
  constructor(item) {
    this.item = item; this.at = 0; this.current = 0; this.region = null;
    this.sounds = [...item.querySelectorAll(".sound")].filter((one) => one.querySelector("audio"));
    if (!this.sounds.length) { return; }
    const audios = this.sounds.map((one) => one.querySelector("audio"));
    const readable = location.protocol !== "file:" || audios[0].getAttribute("src").startsWith("data:");
    this.player = readable ? new Decoded(audios) : new Elements(audios);
    item.classList.add("scripted");
    const bar = document.createElement("div");
    bar.className = "transport"; item.querySelector(".sounds").before(bar);
    this.button = make("button", { type: "button", textContent: "Play" }, bar);
    this.slider = make("input", { type: "range", min: 0, max: 1, step: 0.001, value: 0, ariaLabel: "Position" }, bar);
    this.time = make("output", { textContent: "" }, bar);
    this.from = make("button", { type: "button", textContent: "Loop from here" }, bar);
    const blind = make("label", {}, bar);
    this.blind = make("input", { type: "checkbox" }, blind);
    blind.append(" blind");
    this.names = this.sounds.map((sound) => sound.querySelector(".name").textContent);
    this.swatches = this.sounds.map((sound) => sound.querySelector(".swatch"));
    this.switches = this.sounds.map((sound, index) => {
      const made = document.createElement("button");
      made.type = "button"; made.className = "name"; made.ariaPressed = "false";
      sound.querySelector(".name").replaceWith(made);
      made.addEventListener("click", () => this.play(index));
      const view = sound.querySelector(".view");
      view.addEventListener("click", (event) => { this.seek(event.offsetX / view.clientWidth); this.play(index); });
      make("b", { hidden: true }, view); make("i", { hidden: true }, view);
      return made;
    });
    this.order = this.sounds.map((_, index) => index);
    this.label();
    this.button.addEventListener("click", () => this.toggle());
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    this.from.addEventListener("click", () => this.loop());
    this.blind.addEventListener("change", () => this.hide());
    item.addEventListener("keydown", (event) => this.key(event));
  }
  label() {
    this.order.forEach((index, place) => {
      const name = this.blind.checked ? "Sound " + "ABCDEFGHIJKLMNOPQ"[place] : this.names[index];
      const key = document.createElement("kbd");
      key.textContent = place < 9 ? String(place + 1) : "";
      this.switches[index].replaceChildren(key, ...(this.swatches[index] && !this.blind.checked ? [this.swatches[index]] : []), name);
      this.sounds[index].style.order = place;
    });
  }
  hide() {
    this.stop();
    const shuffled = this.order.map((index) => [Math.random(), index]).sort((one, two) => one[0] - two[0]);
    this.order = this.blind.checked ? shuffled.map((one) => one[1]) : this.sounds.map((_, index) => index);
    this.item.classList.toggle("blind", this.blind.checked);
    this.label();
  }
  async load() {
    await this.player.load();
    this.length = Math.max(...this.player.lengths);
  }
  get playing() { return this.player.sources.length > 0; }
  get position() { return this.playing ? this.player.clock - this.began : this.at; }
  async play(index = this.current) {
    begin(this);
    await this.load();
    if (sounding !== this) { return; }
    this.current = index;
    if (this.playing) { this.player.hear(index); }
    else {
      if (this.at >= this.length - 0.01) { this.at = this.region ? this.region[0] : 0; }
      this.began = this.player.clock - this.at;
      this.player.start(this.at, index);
      this.timer = setInterval(() => this.tick(), 40);
    }
    said.textContent = "Playing " + this.switches[index].textContent;
    this.show();
  }
  tick() {
    const end = this.region && this.region[1] !== null ? this.region[1] : this.length;
    if (this.position >= end) {
      const again = this.region !== null;
      this.stop();
      this.at = again ? this.region[0] : this.length;
      if (again) { this.play(); }
    }
    this.show();
  }
  stop() {
    this.at = this.length ? Math.min(this.position, this.length) : this.at;
    this.player.stop();
    clearInterval(this.timer);
    said.textContent = "";
    this.show();
  }
  toggle() { if (this.playing) { this.stop(); } else { this.play(); } }
  async seek(share) {
    const index = this.current, was = this.playing;
    if (!this.length) { await this.load(); }
    if (was) { this.stop(); }
    this.at = share * this.length;
    if (was) { this.play(index); } else { this.show(); }
  }
  loop() {
    if (this.region === null) { this.region = [this.position, null]; this.from.textContent = "… to here"; }
    else if (this.region[1] === null && this.position > this.region[0]) { this.region[1] = this.position; this.from.textContent = "No loop"; }
    else { this.region = null; this.from.textContent = "Loop from here"; }
    this.show();
  }
  show() {
    const length = this.length || 1, share = Math.min(this.position / length, 1);
    this.button.textContent = this.playing ? "Pause" : "Play";
    this.slider.value = share;
    this.time.textContent = this.length ? (share * length).toFixed(1) + " of " + length.toFixed(1) + " s" : "";
    this.switches.forEach((one, index) => { one.ariaPressed = String(this.playing && index === this.current); });
    this.sounds.forEach((sound, index) => {
      const [region, head] = sound.querySelectorAll(".view b, .view i"), mine = (this.player.lengths || [])[index];
      const scale = length / (mine || length);
      head.hidden = !this.length || share * scale > 1; head.style.left = 100 * share * scale + "%";
      region.hidden = !this.region;
      if (this.region) {
        const [first, last] = [this.region[0], this.region[1] ?? this.position].map((one) => 100 * scale * one / length);
        region.style.left = first + "%"; region.style.width = Math.max(0, Math.min(100, last) - first) + "%";
      }
    });
  }
  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) { return; }
    const place = Number(event.key) - 1, kind = event.target.type;
    if (place in this.order && place >= 0) { this.play(this.order[place]); }
    else if (event.key === " " && kind !== "button" && kind !== "checkbox") { event.preventDefault(); this.toggle(); }
  }
}
for (const item of document.querySelectorAll(".item")) { new Comparison(item); }

// A click, or Enter, on a point of a map plays the chosen voice at the chosen pitch, or the nearest that it has; the
// up and down arrows change the pitch.
class Played {
  constructor(audio, point, words) { this.audio = audio; this.point = point; this.words = words; }
  play() {
    begin(this);
    this.audio.currentTime = 0;
    this.audio.play();
    this.point.classList.add("playing");
    this.audio.onended = () => this.stop();
    said.textContent = "Playing " + this.words;
  }
  stop() { this.audio.pause(); this.point.classList.remove("playing"); said.textContent = ""; }
}
class Instrument {
  constructor(figure) {
    this.voice = figure.querySelector(".voice"); this.pitch = figure.querySelector(".pitch");
    const choice = figure.querySelector(".choice"), rows = figure.querySelectorAll(".heard-at");
    if (!choice) { return; }
    choice.hidden = choice.children.length === 0;
    figure.querySelectorAll(".point").forEach((point, place) => {
      const sounds = [...rows[place].querySelectorAll("audio")];
      if (!sounds.length) { return; }
      point.addEventListener("click", () => this.play(point, sounds));
      point.addEventListener("keydown", (event) => this.key(event, point, sounds));
    });
  }
  chosen(sounds) {
    const voice = this.voice ? this.voice.value : sounds[0].dataset.voice, pitch = this.pitch ? Number(this.pitch.value) : 0;
    const mine = sounds.filter((one) => one.dataset.voice === voice), distance = (one) => Math.abs(Number(one.dataset.pitch || pitch) - pitch);
    return (mine.length ? mine : sounds).reduce((one, two) => (distance(two) < distance(one) ? two : one));
  }
  play(point, sounds) { const audio = this.chosen(sounds); new Played(audio, point, audio.getAttribute("aria-label")).play(); }
  key(event, point, sounds) {
    const steps = { ArrowUp: 1, ArrowDown: -1 }[event.key] || 0;
    if (event.key !== "Enter" && event.key !== " " && !(steps && this.pitch)) { return; }
    event.preventDefault();
    if (steps) { this.pitch.selectedIndex = Math.max(0, Math.min(this.pitch.length - 1, this.pitch.selectedIndex + steps)); }
    this.play(point, sounds);
  }
}
for (const figure of document.querySelectorAll(".map")) { new Instrument(figure); }

// A sound that is played by its own controls stops what plays elsewhere, too.
class Alone {
  constructor(audio) { this.audio = audio; }
  stop() { this.audio.pause(); }
}
document.addEventListener("play", (event) => {
  const own = sounding && (sounding.audio === event.target || (sounding.player && sounding.player.sounds.includes(event.target)));
  if (!own) { begin(new Alone(event.target)); }
}, true);

// A mark of a chart tells its values where it is pointed at, or reached by the arrow keys.
class Plot {
  constructor(plot) {
    this.plot = plot; this.told = plot.querySelector(".told"); this.at = -1;
    this.marks = [...plot.querySelectorAll(".mark")];
    this.texts = this.marks.map((mark) => { const title = mark.querySelector("title"), text = title.textContent; title.remove(); return text; });
    this.marks.forEach((mark, place) => mark.addEventListener("pointerenter", () => this.show(place)));
    plot.addEventListener("pointerleave", () => this.show(-1));
    plot.addEventListener("blur", () => this.show(-1));
    plot.addEventListener("keydown", (event) => this.key(event));
  }
  show(place) {
    if (this.at >= 0) { this.marks[this.at].classList.remove("at"); }
    this.at = place;
    this.told.textContent = place < 0 ? "" : this.texts[place];
    if (place < 0) { return; }
    const mark = this.marks[place], here = mark.getBoundingClientRect(), whole = this.plot.getBoundingClientRect();
    mark.classList.add("at");
    const left = here.left + here.width / 2 - whole.left + 10, wide = this.told.offsetWidth;
    this.told.style.left = Math.max(0, Math.min(left, whole.width - wide)) + this.plot.scrollLeft + "px";
    this.told.style.top = Math.max(0, here.top - whole.top - this.told.offsetHeight - 6) + "px";
  }
  key(event) {
    const last = this.marks.length - 1, next = { ArrowRight: this.at + 1, ArrowDown: this.at + 1, ArrowLeft: this.at - 1, ArrowUp: this.at - 1,
      Home: 0, End: last, Escape: -1 }[event.key];
    if (next === undefined) { return; }
    event.preventDefault();
    this.show(event.key === "Escape" ? -1 : Math.max(0, Math.min(last, next)));
  }
}
for (const plot of document.querySelectorAll(".plot")) { new Plot(plot); }

// A click on the heading of a column sorts the table by it: numbers by the first number in a cell, words by letters.
function value(cell) {
  const text = cell.textContent.trim(), number = text.match(/^[^\d\-–+]*([-–+]?\d[\d,]*\.?\d*)/);
  if (!number) { return NaN; }
  const power = text.slice(number[0].length).match(/^ × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/);
  const digits = power ? [...power[1]].map((one) => (one === "⁻" ? "-" : "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(one))).join("") : 0;
  return Number(number[1].replace(/,/g, "").replace("–", "-") + "e" + digits);
}
function sort(table, column, heading) {
  const rows = [...table.tBodies[0].rows], up = heading.ariaSort !== "ascending";
  const keyed = rows.map((row) => [value(row.cells[column]), row.cells[column].textContent, row]);
  const numbers = keyed.filter(([number]) => !Number.isNaN(number)).length > keyed.length / 2;
  keyed.sort(([one, first], [two, second]) => {
    if (!numbers) { return (up ? 1 : -1) * first.localeCompare(second); }
    if (Number.isNaN(one) || Number.isNaN(two)) { return Number.isNaN(one) - Number.isNaN(two); }
    return (up ? 1 : -1) * (one - two);
  });
  for (const one of table.tHead.rows[0].cells) { one.removeAttribute("aria-sort"); }
  heading.ariaSort = up ? "ascending" : "descending";
  table.tBodies[0].append(...keyed.map((one) => one[2]));
}
for (const table of document.querySelectorAll(".wide > table")) {
  if (!table.tHead || table.tBodies[0].rows.length < 3) { continue; }
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => sort(table, column, heading));
  });
}
