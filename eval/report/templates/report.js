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

// The sounds of one item. All run together and only one is heard, so a switch keeps the position and has no gap.
class Comparison {
  constructor(item) {
    this.item = item; this.at = 0; this.current = 0; this.sources = []; this.region = null;
    this.sounds = [...item.querySelectorAll(".sound")].filter((one) => one.querySelector("audio"));
    if (!this.sounds.length) { return; }
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
      this.switches[index].replaceChildren(key, name);
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
    context = context || new AudioContext();
    await context.resume();
    this.loading = this.loading || Promise.all(this.sounds.map((sound) => {
      const text = sound.querySelector("audio").getAttribute("src"), data = atob(text.slice(text.indexOf(",") + 1));
      return context.decodeAudioData(Uint8Array.from(data, (one) => one.charCodeAt(0)).buffer);
    }));
    this.buffers = await this.loading;
    this.length = Math.max(...this.buffers.map((one) => one.duration));
  }
  get playing() { return this.sources.length > 0; }
  get position() { return this.playing ? context.currentTime - this.began : this.at; }
  async play(index = this.current) {
    begin(this);
    await this.load();
    if (sounding !== this) { return; }
    this.current = index;
    if (this.playing) {
      const now = context.currentTime;
      this.gains.forEach((gain, place) => {
        gain.gain.cancelScheduledValues(now);
        gain.gain.setTargetAtTime(place === index ? 1 : 0, now, 0.003);
      });
    } else {
      if (this.at >= this.length - 0.01) { this.at = this.region ? this.region[0] : 0; }
      this.began = context.currentTime - this.at;
      this.gains = this.buffers.map((_, place) => new GainNode(context, { gain: place === index ? 1 : 0 }));
      this.sources = this.buffers.map((buffer, place) => {
        const source = new AudioBufferSourceNode(context, { buffer });
        source.connect(this.gains[place]).connect(context.destination);
        if (this.at < buffer.duration) { source.start(0, this.at); }
        return source;
      });
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
    for (const source of this.sources) { try { source.stop(); } catch (error) { /* it never began */ } source.disconnect(); }
    clearInterval(this.timer);
    this.sources = [];
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
      const [region, head] = sound.querySelectorAll(".view b, .view i"), mine = (this.buffers || [])[index];
      const scale = length / (mine ? mine.duration : length);
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

// A click or Enter on a point of a map plays its sound.
class Note {
  constructor(point) { this.point = point; }
  play() {
    begin(this);
    this.audio = this.audio || new Audio(this.point.dataset.sound);
    this.audio.currentTime = 0;
    this.audio.play();
    said.textContent = "Playing " + this.point.getAttribute("aria-label");
  }
  stop() { this.audio.pause(); }
}
for (const point of document.querySelectorAll("[data-sound]")) {
  const note = new Note(point);
  point.addEventListener("click", () => note.play());
  point.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); note.play(); }
  });
}

// A click on the heading of a column sorts the table by it: numbers by the first number in a cell, words by letters.
function value(cell) {
  const text = cell.textContent.trim(), number = text.match(/^[^\d\-–+]*([-–+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?)/);
  return number ? Number(number[1].replace(/,/g, "").replace("–", "-")) : NaN;
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
