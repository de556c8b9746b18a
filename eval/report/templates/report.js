"use strict";
// A click or Enter on a point of a map plays its sound; one sound at a time.
const said = document.getElementById("playing");
let sounding = null;
function play(point) {
  if (sounding) { sounding.pause(); }
  sounding = new Audio(point.dataset.sound);
  sounding.play();
  said.textContent = "Playing " + point.getAttribute("aria-label");
}
for (const point of document.querySelectorAll("[data-sound]")) {
  point.addEventListener("click", () => play(point));
  point.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); play(point); }
  });
}
// Starting one player stops the others.
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) {
    if (other !== event.target) { other.pause(); }
  }
}, true);
