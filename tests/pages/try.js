// The page to try: an editor, and a worker that runs what is in it.
const [examples, run, stop, program, status, output] = ["examples", "run", "stop", "program", "status", "output"].map(
  (id) => document.getElementById(id),
);
const texts = JSON.parse(document.getElementById("texts").textContent);
const STEP = 4; // columns of an indentation

// ---------- Python, in a worker, so that the page stays alive and a program can be stopped

let python, ready, waiting, began;

function start(why) {
  ready = false;
  status.textContent = `${why}Loading Python …`;
  python = new Worker("worker.js", { type: "module" });
  python.onmessage = ({ data: { kind, text } }) => answer[kind](text);
  python.onerror = (event) => failed(event.message || "the page's files are not all there");
}

function failed(why) {
  status.textContent = `Python could not be loaded: ${why}`;
  ready = false;
  buttons(false);
}

function buttons(running) {
  run.disabled = running;
  stop.disabled = !running;
}

function begin() {
  if (run.disabled) return;
  buttons(true);
  waiting = !ready;
  if (waiting) return;
  output.replaceChildren();
  status.textContent = "Running …";
  began = performance.now();
  python.postMessage(program.value);
}

function shown(tag, name) {
  const box = output.appendChild(document.createElement(tag));
  box.className = name;
  return box;
}

const answer = {
  ready() {
    ready = true;
    status.textContent = "Ready.";
    if (!waiting) return;
    buttons(false);
    begin();
  },
  failed,
  text(text) {
    const last = output.lastElementChild;
    (last?.className === "text" ? last : shown("pre", "text")).append(text);
  },
  html(text) {
    shown("div", "rich").innerHTML = text;
  },
  error(text) {
    shown("pre", "error").textContent = text;
  },
  done() {
    if (!output.childNodes.length) shown("p", "quiet").textContent = "It printed nothing.";
    const wrong = output.querySelector(".error") ? "Ended with an error" : "Done";
    status.textContent = `${wrong}, in ${((performance.now() - began) / 1000).toFixed(2)} s.`;
    buttons(false);
  },
  gone(text) {
    const deep = text.startsWith("RangeError") ? "; objects nested thousands deep are too much for it here" : "";
    answer.error(`Python itself broke down: ${text}${deep}`);
    end("Python broke down. ");
  },
};

function end(why) {
  python.terminate();
  buttons(false);
  waiting = false;
  start(why);
}

// ---------- the editor

function replace(from, to, text) {
  program.setSelectionRange(from, to);
  // what it does can be undone by Ctrl-Z; setting the value could not
  if (text) document.execCommand("insertText", false, text);
  else if (from < to) document.execCommand("delete");
}

function indent(back) {
  const { value, selectionStart: from, selectionEnd: to } = program;
  const line = value.lastIndexOf("\n", from - 1) + 1;
  if (!back && from === to) {
    replace(from, to, " ".repeat(STEP - ((from - line) % STEP)));
    return;
  }
  const found = value.slice(line, to);
  const moved = back ? found.replace(/^ {1,4}/gm, "") : found.replace(/^(?=.)/gm, " ".repeat(STEP));
  if (moved === found) return;
  replace(line, to, moved);
  const first = moved.split("\n", 1)[0].length - found.split("\n", 1)[0].length;
  program.setSelectionRange(Math.max(line, from + first), line + moved.length);
}

function newline() {
  const { value, selectionStart: from, selectionEnd: to } = program;
  const line = value.slice(value.lastIndexOf("\n", from - 1) + 1, from);
  const opens = /:\s*(#.*)?$/.test(line) ? STEP : 0;
  replace(from, to, "\n" + " ".repeat(line.match(/^ */)[0].length + opens));
}

let leaves = false; // after Esc, Tab goes to the next control
program.addEventListener("keydown", (event) => {
  const { key } = event;
  if (key === "Tab" && !leaves && !event.ctrlKey && !event.altKey && !event.metaKey) indent(event.shiftKey);
  else if (key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing) newline();
  else {
    if (key !== "Shift") leaves = key === "Escape";
    return;
  }
  leaves = false;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  begin();
});

// ---------- the examples; what was changed in one is there again when one comes back to it

let chosen;
function choose(name) {
  if (chosen) texts[chosen] = program.value;
  chosen = name in texts ? name : Object.keys(texts)[0];
  examples.value = chosen;
  program.value = texts[chosen];
  program.scrollTo(0, 0);
}

examples.addEventListener("change", () => {
  choose(examples.value);
  history.replaceState(null, "", `#${chosen}`);
});
addEventListener("hashchange", () => choose(location.hash.slice(1)));
run.addEventListener("click", begin);
stop.addEventListener("click", () => end("Stopped. "));
choose(location.hash.slice(1));

if (location.protocol === "file:") {
  document.getElementById("file").hidden = false;
  run.disabled = true;
} else start("");
