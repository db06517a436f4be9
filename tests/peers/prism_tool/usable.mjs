// Write an OpenAPI description without the patterns that are no regular expressions of ECMAScript
// with the flag "u": with one of them Prism accepts every body.
import fs from "node:fs";

const isUsable = (pattern) => {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
};
const [from, to] = process.argv.slice(2);
const text = fs.readFileSync(from, "utf8");
const usable = JSON.parse(text, function (name, value) {
  return name === "pattern" && typeof value === "string" && !isUsable(value) ? undefined : value;
});
fs.writeFileSync(to, JSON.stringify(usable));
