// Sets formulas by KaTeX: [{tex, display}, ...] as JSON in, their HTML out.
const katex = require("katex");

const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const set = ({ tex, display }) =>
  katex.renderToString(tex, { displayMode: display, throwOnError: true, strict: "error", trust: false });
process.stdout.write(JSON.stringify(given.map(set)));
