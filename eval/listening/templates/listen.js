"use strict";
const plan = JSON.parse(document.getElementById("plan").textContent);
const LETTERS = "ABCDEFGHIJKLMNOPQ", HEARD = 0.5, FADE = 0.01;
const byId = (id) => document.getElementById(id);
const KEY = "listening-test-" + plan.test;
let state = null, chosen = {};

function say(text) { byId("status").textContent = text; }

// Progress is kept in this browser. Where that is forbidden, the test goes on without it.
function keep() {
  try { localStorage.setItem(KEY, JSON.stringify(state)); }
  catch (error) { say("This browser keeps nothing, so please do not close the page before the end."); }
}
function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    return found && plan.forms[found.form] && Array.isArray(found.trials) ? found : null;
  } catch (error) { return null; }
}
function random(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (one) => one.toString(16).padStart(2, "0")).join("");
}
function fresh() {
  const asked = Number(new URLSearchParams(location.search).get("form") ?? NaN);
  const drawn = parseInt(random(4), 16) % plan.forms.length;
  return { schema: plan.schema, test: plan.test, form: Number.isInteger(asked) && plan.forms[asked] ? asked : drawn,
    listener: random(8), started: new Date().toISOString(), finished: "", headphones: null, trained: false, trials: [] };
}

// Plays one of several sounds. All run together at the sample rate of the files and only one is heard, so a switch keeps
// the position and has no gap.
class Player {
  constructor() { this.buffers = {}; this.heard = {}; this.gains = {}; this.sources = []; this.at = 0; this.current = ""; this.loading = 0; }
  async load(ids) {
    this.stop();
    this.buffers = {}; this.current = "";  // nothing can be played before all is there
    const turn = ++this.loading, buffers = {};
    try {
      this.context = this.context || new AudioContext({ sampleRate: plan.rate });
      for (const id of new Set(ids)) {
        const bytes = Uint8Array.from(atob(byId("sound-" + id).textContent), (one) => one.charCodeAt(0));
        buffers[id] = await this.context.decodeAudioData(bytes.buffer);
      }
    } catch (error) {
      say("This browser cannot play the sounds (" + error.message + "). Please use another one; your answers are kept here.");
      return false;
    }
    if (turn !== this.loading) { return false; }
    this.buffers = buffers; this.heard = {}; this.at = 0; this.current = ""; byId("position").textContent = "";
    this.length = Math.max(...Object.values(buffers).map((one) => one.duration));
    return true;
  }
  get playing() { return this.sources.length > 0; }
  get position() { return this.playing ? this.context.currentTime - this.began : this.at; }
  async play(id) {
    if (!this.buffers[id]) { return; }
    await this.context.resume();
    if (!this.buffers[id]) { return; }  // the trial has ended meanwhile
    if (this.playing) { this.switch(id); return; }
    this.current = id; this.changed = this.context.currentTime; this.began = this.changed - this.at;
    for (const [name, buffer] of Object.entries(this.buffers)) {
      const source = new AudioBufferSourceNode(this.context, { buffer });
      this.gains[name] = new GainNode(this.context, { gain: name === id ? 1 : 0 });
      source.connect(this.gains[name]).connect(this.context.destination);
      if (this.at < buffer.duration) { source.start(0, this.at); }
      this.sources.push(source);
    }
    this.timer = setInterval(() => this.tick(), 50);
    shown();
  }
  count() {
    if (!this.buffers[this.current]) { return; }
    const now = this.context.currentTime;  // read once: what passes between two readings would be lost
    const until = Math.min(now, this.began + this.buffers[this.current].duration);
    this.heard[this.current] = (this.heard[this.current] || 0) + Math.max(0, until - this.changed);
    this.changed = now;
  }
  switch(id) {
    this.count();
    const now = this.context.currentTime;
    for (const [name, gain] of Object.entries(this.gains)) {
      gain.gain.cancelScheduledValues(now);
      gain.gain.setTargetAtTime(name === id ? 1 : 0, now, FADE / 3);
    }
    this.current = id;
    shown();
  }
  tick() {
    this.count();
    byId("position").textContent = Math.min(this.position, this.length).toFixed(1) + " of " + this.length.toFixed(1) + " s";
    if (this.position >= this.length) {
      const again = byId("loop").checked, id = this.current;
      this.stop();
      if (again) { this.play(id); }
    }
    shown();
  }
  stop(position = 0) {
    if (this.playing) { this.count(); }
    for (const source of this.sources) { try { source.stop(); } catch (error) { /* it never began */ } source.disconnect(); }
    clearInterval(this.timer);
    this.sources = []; this.gains = {}; this.at = position;
    shown();
  }
  toggle(id) {
    if (this.playing && (!id || id === this.current)) { this.stop(this.position); }
    else { this.play(id || this.current || Object.keys(this.buffers)[0]); }
  }
  enough(id) { return (this.heard[id] || 0) >= HEARD * this.buffers[id].duration; }
}
const player = new Player();
let buttons = {}, missing = () => "";

function shown() {
  for (const [id, button] of Object.entries(buttons)) {
    button.setAttribute("aria-pressed", String(player.playing && player.current === id));
  }
  const lacking = missing();
  byId("next").disabled = byId("trained").disabled = lacking !== "";
  byId("next").title = lacking;
}
function button(parent, id, text) {
  const made = document.createElement("button");
  made.type = "button"; made.textContent = text; made.setAttribute("aria-pressed", "false");
  made.addEventListener("click", () => player.toggle(id));
  parent.append(made); buttons[id] = made;
}
function show(name) {
  for (const one of ["welcome", "training", "trial", "end"]) { byId(one).hidden = one !== name; }
  byId(name + "-title").focus();
}

function welcome() {
  byId("count").textContent = plan.forms[state.form].length;
  if (state.trials.length) { byId("begin").textContent = "Go on with test " + (state.trials.length + 1); byId("again").hidden = false; }
  for (const one of document.querySelectorAll("[name=headphones]")) {
    one.checked = state.headphones !== null && (one.value === "yes") === state.headphones;
    one.addEventListener("change", () => { state.headphones = one.value === "yes"; byId("begin").disabled = false; });
  }
  byId("begin").disabled = state.headphones === null;
  show("welcome");
}
async function training() {
  show("training"); buttons = {}; missing = () => "Loading"; byId("examples").replaceChildren();
  if (!await player.load(plan.training.map(([id]) => id))) { return; }
  for (const [id, told] of plan.training) { button(byId("examples"), id, "Play: " + told); }
  missing = () => plan.training.some(([id]) => !player.enough(id)) ? "Listen to all three sounds first." : "";
  shown();
}
async function trial() {
  const form = plan.forms[state.form], place = state.trials.length;
  if (place >= form.length) { finish(); return; }
  const [name, ids] = form[place], reference = plan.references[name];
  show("trial"); say(""); chosen = {}; buttons = {};
  byId("trial-title").textContent = "Test " + (place + 1) + " of " + form.length;
  byId("progress").max = form.length; byId("progress").value = place;
  byId("sounds").replaceChildren(); byId("answers").replaceChildren();
  missing = () => "Loading";
  if (!await player.load(reference ? [reference, ...ids] : ids)) { return; }
  if (reference) { button(byId("sounds"), reference, "R: reference"); }
  ids.forEach((id, index) => button(byId("sounds"), id, ids.length > 1 ? LETTERS[index] : "A: play"));
  (plan.compared === 0 ? sliders : radios)(ids);
  missing = () => {
    const all = Object.keys(player.buffers);
    if (all.some((id) => !player.enough(id))) { return "Listen to at least half of every sound first."; }
    return Object.keys(chosen).length < ids.length ? "Answer the question first." : "";
  };
  state.shown = Date.now();
  shown();
}
function radios(ids) {
  const field = document.createElement("fieldset"), legend = document.createElement("legend");
  legend.textContent = byId("question").textContent; legend.className = "said"; field.append(legend);
  plan.labels.forEach((text, index) => {
    const label = document.createElement("label"), input = document.createElement("input");
    input.type = "radio"; input.name = "answer";
    input.addEventListener("change", () => {
      chosen = plan.compared === 2
        ? Object.fromEntries(ids.map((id, one) => [id, one === index ? 1 : 0])) : { [ids[0]]: plan.low + index };
      shown();
    });
    label.append(input, (index + 1) + ". " + text); field.append(label);
  });
  byId("answers").append(field);
}
function sliders(ids) {
  const bands = document.createElement("p"); bands.className = "bands";
  for (const text of plan.labels) { const one = document.createElement("span"); one.textContent = text; bands.append(one); }
  byId("answers").append(bands);
  ids.forEach((id, index) => {
    const row = document.createElement("div"), label = document.createElement("label");
    const input = document.createElement("input"), value = document.createElement("output");
    row.className = "slider"; label.textContent = LETTERS[index]; label.htmlFor = "slider-" + index;
    Object.assign(input, { type: "range", min: plan.low, max: plan.high, step: 1, value: (plan.low + plan.high) / 2, id: "slider-" + index });
    input.setAttribute("aria-valuetext", "not rated yet"); value.textContent = "–";
    const rate = () => { chosen[id] = Number(input.value); value.textContent = input.value; input.removeAttribute("aria-valuetext"); shown(); };
    input.addEventListener("input", rate); input.addEventListener("change", rate);
    row.append(label, input, value); byId("answers").append(row);
  });
}
function next() {
  const lacking = missing();
  if (lacking) { say(lacking); return; }
  player.stop();
  const [name] = plan.forms[state.form][state.trials.length];
  const heard = Object.fromEntries(Object.entries(player.heard).map(([id, seconds]) => [id, Number(seconds.toFixed(2))]));
  state.trials.push({ trial: name, seconds: (Date.now() - state.shown) / 1000, heard, ratings: chosen });
  keep();
  trial();
}
function finish() {
  if (!state.finished) { state.finished = new Date().toISOString(); keep(); }
  const { shown: _, trained: __, ...results } = state;
  const text = JSON.stringify(results);
  byId("text").value = text;
  byId("save").onclick = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "results-" + state.test + "-" + state.listener + ".json";
    link.click();
    byId("another").disabled = false;
  };
  byId("another").onclick = () => { state = fresh(); keep(); location.reload(); };
  show("end");
}

byId("begin").addEventListener("click", () => { keep(); state.trained ? trial() : training(); });
byId("again").addEventListener("click", () => { state = fresh(); keep(); location.reload(); });
byId("trained").addEventListener("click", () => { state.trained = true; keep(); trial(); });
byId("next").addEventListener("click", next);
document.addEventListener("keydown", (event) => {
  if (byId("trial").hidden || event.ctrlKey || event.altKey || event.metaKey || event.target.closest?.("summary")) { return; }
  const kind = event.target.type, key = event.key.toUpperCase(), sounds = Object.keys(buttons);
  const reference = plan.references[plan.forms[state.form][state.trials.length][0]];
  const lettered = sounds.filter((id) => id !== reference), place = LETTERS.indexOf(key);
  if (key === " " && kind !== "button" && kind !== "checkbox") { event.preventDefault(); player.toggle(); }
  else if (key === "R" && reference) { player.play(reference); }
  else if (key.length === 1 && place >= 0 && lettered[place]) { player.play(lettered[place]); }
  else if (/^[1-9]$/.test(key) && plan.compared) { document.querySelectorAll("[name=answer]")[key - 1]?.click(); }
  else if (key === "ENTER" && kind !== "button") { event.preventDefault(); next(); }
});
state = kept() || fresh();
if (state.finished) { finish(); } else { welcome(); }
