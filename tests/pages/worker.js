// Python with micrograd_bp: a program comes in, what it shows goes out, piece by piece.
import { loadPyodide } from "./pyodide/pyodide.mjs";

async function content(path) {
  const answer = await fetch(new URL(path, import.meta.url));
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`);
  return answer;
}

async function load() {
  const python = await loadPyodide({ indexURL: new URL("pyodide/", import.meta.url).href });
  const folder = python.runPython("import site; site.getsitepackages()[0]");
  for (const name of await (await content("archives.json")).json()) {
    const archive = await (await content(`archives/${name}`)).arrayBuffer();
    python.unpackArchive(archive, "zip", { extractDir: folder });
  }
  python.FS.writeFile(`${folder}/running.py`, await (await content("running.py")).text());
  return python.runPython("import micrograd_bp, running; running.run");
}

const show = (kind, text = "") => postMessage({ kind, text });
const loaded = load();
loaded.then(
  () => show("ready"),
  (error) => show("failed", String(error)),
);
onmessage = async ({ data }) => {
  const run = await loaded;
  try {
    run(data, show);
    show("done");
  } catch (error) {
    show("gone", String(error)); // what a program raises is shown; this is the end of Python
  }
};
