"use strict";
// Follows a session.  Everything heard is put on the page with textContent: text is never markup.
// A browser reconnects by itself and sends the id of the last event, so nothing is missed and nothing told twice.

const state = document.getElementById("state");
const words = document.getElementById("words");
const journal = document.getElementById("journal");
const source = new EventSource(document.getElementById("feed").dataset.events);
const rates = new Map();

function span(text, className) {
  const part = document.createElement("span");
  part.textContent = text;
  part.className = className;
  return part;
}

function put(list, className, ...parts) {
  const line = document.createElement("li");
  line.className = className;
  for (const part of parts) line.append(part, " ");
  list.append(line);
  return line;
}

function clock(stream, frame) {
  const seconds = Math.floor(frame / (rates.get(stream) || 48000));
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function on(kind, show) {
  source.addEventListener(kind, (event) => show(JSON.parse(event.data)));
}

let withheld = "";
on("state", (line) => {
  if (line.kind === "stream") rates.set(line.stream, line.rate_hz);
  if (line.kind === "anchor" && !withheld) state.textContent = `recording, ${clock(line.stream, line.frame)}`;
  if (line.kind === "pause") state.textContent = withheld = `${line.cause}, by ${line.by || "?"}`;
  if (line.kind === "resume") withheld = "";
  if (line.kind === "stop") state.textContent = `ended: ${line.reason || ""}`;
});
on("note", (line) => put(journal, "note", span(clock(line.stream, line.frame), "at"), span(line.by || "", "who"), line.text));
on("alarm", (line) => put(journal, "alarm", line.text || line.code));
on("gap", (line) => put(journal, "gap", span(clock(line.stream, line.first_frame), "at"), `gap: ${line.frame_count} frames, ${line.cause}`));
on("error", (line) => put(journal, "alarm", line.text));
on("live", (line) => put(words, "live", line.text || ""));
on("run", () => words.replaceChildren());
on("utterance", (line) => {
  const line_ = put(words, line.corrected ? "corrected" : "", span(line.at, "at"), span(line.language, "language"), span(line.speaker, "who"), line.text);
  line_.lang = line.language;
});
