// Runs Python in WebAssembly: {archives: [path, ...], code} as JSON in, what the code ends in, out.
const fs = require("fs");
const { loadPyodide } = require("pyodide");

async function run(given) {
  const python = await loadPyodide({ stdout: () => {}, stderr: (line) => console.error(line) });
  const folder = python.runPython("import site; site.getsitepackages()[0]");
  for (const path of given.archives) {
    python.unpackArchive(new Uint8Array(fs.readFileSync(path)), "zip", { extractDir: folder });
  }
  return python.runPython(given.code);
}

run(JSON.parse(fs.readFileSync(0, "utf8"))).then(
  (answer) => process.stdout.write(answer),
  (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
);
