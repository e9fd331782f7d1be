"use strict";
// Texts of the pairs reach the page through textContent and value alone, so that none of them is ever markup.
const content = JSON.parse(document.getElementById("content").textContent);
const FILTERS = { source: "source", question_type: "type", diagnosis: "diagnosis", flag: "flag", style: "style", engine: "engine" };
const at = (id) => document.getElementById(id);
const axes = Object.keys(content.axes);
const rows = content.rows;
let shown = rows;
let current = null;
let axis = 0;
let verdicts = {};

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function picture(row) {
  const base64 = content.images[row.image];
  if (!base64) return element("div", "the image cannot be read", { class: "gone" });
  return element("img", undefined, { src: `data:image/jpeg;base64,${base64}`, alt: row.filters.diagnosis || "image of the pair", loading: "lazy" });
}

function valuesOf(row, filter) {
  if (filter === "flag") return row.flags.length ? row.flags : ["no flag"];
  return [row.filters[filter] || "not recorded"];
}

function searchable(row) {
  const told = Object.values(row.sections).flat().flatMap(([label, lines]) => [label, ...lines]);
  return [row.id, row.question, row.answer, ...row.turns.flat(), ...row.flags, ...Object.values(row.filters), ...told].join("\n").toLowerCase();
}

function addFilters() {
  for (const [filter, label] of Object.entries(FILTERS)) {
    const counts = new Map();
    for (const value of rows.flatMap((row) => valuesOf(row, filter))) counts.set(value, (counts.get(value) || 0) + 1);
    const select = element("select", undefined, { id: `filter-${filter}`, "aria-label": label });
    select.append(new Option(`any ${label}`, ""));
    for (const value of [...counts.keys()].sort()) select.append(new Option(`${value} (${counts.get(value)})`, `=${value}`));
    select.addEventListener("change", refresh);
    select.hidden = counts.size < 2;
    at("filters").append(select);
  }
}

function fits(row) {
  const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.every((word) => row.searched.includes(word))) return false;
  if (at("open-only").checked && isJudged(row) && row !== current) return false;
  return Object.keys(FILTERS).every((filter) => {
    const wanted = at(`filter-${filter}`).value;
    return !wanted || valuesOf(row, filter).includes(wanted.slice(1));
  });
}

function refresh() {
  shown = rows.filter(fits);
  at("count").textContent = `${shown.length} of ${rows.length} pairs`;
  at("list").replaceChildren(...shown.map((row) => row.item));
  at("all").hidden = shown.length > 0;
  if (!shown.includes(current)) open(shown[0] || null, false);
  showProgress();
}

function showAll() {
  at("search").value = "";
  at("open-only").checked = false;
  for (const filter of Object.keys(FILTERS)) at(`filter-${filter}`).value = "";
  refresh();
  at("search").focus();
}

function addItem(row) {
  const button = element("button", undefined, { type: "button" });
  button.append(picture(row), element("span", row.question, { class: "asked", dir: "auto" }));
  button.append(element("span", row.filters.diagnosis || "no diagnosis recorded", { class: "faint" }));
  if (row.flags.length) button.append(element("span", `\u2691 ${row.flags.join(", ")}`, { class: "flag" }));
  row.mark = element("span", "", { class: "done" });
  button.append(row.mark);
  button.addEventListener("click", () => open(row));
  row.item = element("li");
  row.item.append(button);
}

function open(row, isWanted = true) {
  current?.item.firstChild.removeAttribute("aria-current");
  current = row;
  axis = 0;
  document.body.classList.toggle("is-open", isWanted && row !== null);
  at("pair").replaceChildren(...(row ? partsOf(row) : [element("p", "no pair fits", { class: "faint" })]));
  at("pair").scrollTop = 0;
  if (!row) return;
  row.item.firstChild.setAttribute("aria-current", "true");
  if (isWanted) {
    row.item.scrollIntoView({ block: "nearest" });
    if (getComputedStyle(document.querySelector(".back")).display !== "none") {
      at("pair").focus({ preventScroll: true }); // the list, which had the focus, is hidden there
      scrollTo(0, 0);
    }
  }
}

function partsOf(row) {
  const back = element("button", "\u2190 all pairs", { type: "button", class: "back" });
  back.addEventListener("click", close);
  const parts = [back, picture(row), element("h2", row.question, { dir: "auto" }), element("p", row.answer, { class: "text" })];
  for (const [role, text] of row.turns) parts.push(element("p", text, { class: role === "user" ? "text turn" : "text" }));
  if (axes.length) parts.push(formOf(row));
  for (const [title, entries] of Object.entries(row.sections)) {
    if (!entries.length) continue;
    const list = element("dl");
    for (const [label, lines] of entries) {
      list.append(element("dt", label, { title: content.meanings[label] || "" }));
      list.append(element("dd", lines.join("\n"), label === "doubts" ? { class: "flag" } : {}));
    }
    parts.push(element("h3", title), list);
  }
  parts.push(element("p", row.id, { class: "faint" }));
  return parts;
}

function close() {
  document.body.classList.remove("is-open");
  current?.item.firstChild.focus();
}

function move(step) {
  const place = shown.indexOf(current) + step;
  if (shown[place]) open(shown[place]);
}

// Judging

const rater = () => at("rater").value.trim();
const stateKey = () => `dermasynth review ${content.sheet} ${rater()}`;
const isJudged = (row) => Boolean(verdicts[row.name]?.verdict);

function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    tell("This browser keeps nothing of this page: export your verdicts before you close it.");
  }
}

function tell(text) {
  at("note").textContent = text;
  at("note").hidden = !text;
}

function loadVerdicts() {
  try {
    verdicts = JSON.parse(kept(stateKey()) || "{}");
  } catch {
    verdicts = {};
  }
  rows.forEach(mark);
  if (rater()) tell("");
  refresh();
  if (current) open(current, document.body.classList.contains("is-open"));
}

function mark(row) {
  const said = verdicts[row.name];
  row.mark.textContent = said?.verdict ? { keep: "\u2713 keep", leave_out: "\u2715 leave out" }[said.verdict] : said ? "begun" : "";
}

function say(row, change) {
  const said = (verdicts[row.name] ||= { text: row.text, scores: {} });
  Object.assign(said, change);
  keep(stateKey(), JSON.stringify(verdicts));
  mark(row);
  showProgress();
}

function showProgress() {
  if (axes.length) at("progress").textContent = `${rows.filter(isJudged).length} of ${rows.length} judged`;
}

function choices(name, values, said, choose) {
  return values.map(([value, text]) => {
    const input = element("input", undefined, { type: "radio", name, value });
    input.checked = said === value;
    input.addEventListener("change", () => choose(value));
    const label = element("label");
    label.append(input, ` ${text}`);
    return label;
  });
}

function formOf(row) {
  const said = verdicts[row.name] || { scores: {} };
  const form = element("fieldset", undefined, { id: "form" });
  form.disabled = !rater();
  form.append(element("legend", rater() ? "your verdict" : "your verdict (first write your name above)"));
  for (const [number, name] of axes.entries()) {
    const line = element("fieldset", undefined, { id: `axis-${name}` });
    line.classList.toggle("now", number === axis && Boolean(rater()));
    const scores = [1, 2, 3, 4, 5].map((score) => [score, String(score)]);
    line.append(element("legend", name), ...choices(name, scores, said.scores[name], (score) => setScore(row, name, score)));
    line.append(element("span", content.axes[name], { class: "meaning" }));
    form.append(line);
  }
  const line = element("fieldset", undefined, { id: "verdict" });
  const verdict = [["keep", "keep"], ["leave_out", "leave out"]];
  line.append(element("legend", "this pair"), ...choices("verdict", verdict, said.verdict, (value) => say(row, { verdict: value })));
  form.append(line, area(row, said, "corrected_answer", "a better answer, if this one needs it"), area(row, said, "comment", "comment"));
  return form;
}

function area(row, said, name, title) {
  const box = element("textarea", undefined, { id: name, maxlength: "20000", dir: "auto" });
  box.value = said[name] || "";
  box.addEventListener("input", () => say(row, { [name]: box.value.trim() || null }));
  const label = element("label", title, { class: "wide" });
  label.append(box);
  return label;
}

function setScore(row, name, score) {
  const said = verdicts[row.name] || { scores: {} };
  say(row, { scores: { ...said.scores, [name]: score } });
  axis = Math.min(axes.indexOf(name) + 1, axes.length);
  for (const [number, each] of axes.entries()) at(`axis-${each}`).classList.toggle("now", number === axis);
}

function press(name, value) {
  document.querySelector(`#form:enabled input[name="${name}"][value="${value}"]`)?.click();
}

function exportVerdicts() {
  if (!rater()) {
    tell("Write your name first.");
    at("rater").focus();
    return;
  }
  const judged = rows.filter(isJudged).map((row) => {
    const { text, verdict, scores, corrected_answer = null, comment = null } = verdicts[row.name];
    return { pair_id: row.name, text, verdict, scores, corrected_answer, comment };
  });
  const file = { form: "dermasynth review 1", sheet: content.sheet, rater: rater(), verdicts: judged };
  const url = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
  const name = rater().replace(/[^\p{L}\p{N}]+/gu, "-");
  element("a", "", { href: url, download: `verdicts-${content.sheet}-${name}.json` }).click();
  tell(`${judged.length} verdicts exported; send the file back to who sent you this page.`);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (event.target.matches("input, textarea, select")) event.target.blur();
    else close();
    return;
  }
  if (event.target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])")) return;
  const steps = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 };
  if (event.key in steps) move(steps[event.key]);
  else if (event.key === "/") at("search").focus();
  else if (axes.length && /^[1-5]$/.test(event.key) && axes[axis]) press(axes[axis], event.key);
  else if (axes.length && event.key === "y") press("verdict", "keep");
  else if (axes.length && event.key === "x") press("verdict", "leave_out");
  else if (axes.length && event.key === "u") open(shown.find((row) => !isJudged(row)) || current);
  else return;
  event.preventDefault();
}

function start() {
  document.querySelector("h1").textContent = content.title;
  for (const row of rows) {
    row.searched = searchable(row);
    addItem(row);
  }
  addFilters();
  at("search").addEventListener("input", refresh);
  at("open-only").addEventListener("change", refresh);
  at("all").addEventListener("click", showAll);
  document.addEventListener("keydown", onKey);
  at("judging").hidden = !axes.length;
  const keys = "j k or arrows: next and previous; /: search; Esc: back";
  at("keys").textContent = axes.length ? `${keys}; 1 to 5: the marked axis; y: keep; x: leave out; u: next without a verdict` : keys;
  if (axes.length) {
    at("rater").value = kept(`dermasynth review ${content.sheet}`) || "";
    at("rater").addEventListener("change", () => {
      keep(`dermasynth review ${content.sheet}`, rater());
      loadVerdicts();
    });
    at("export").addEventListener("click", exportVerdicts);
    loadVerdicts();
  } else refresh();
  if (current) open(current, false);
}

start();
