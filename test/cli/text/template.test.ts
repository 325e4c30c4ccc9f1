import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../../cli/text/template.ts";

const DATA = {
  Name: "web",
  Count: 2,
  Off: false,
  Nothing: null,
  Env: ["A=1", "B=2"],
  Labels: { b: "2", a: "1" },
  State: { Pid: 7 },
};
const render = (template: string) => parseTemplate(template).render(DATA);

describe("templates", () => {
  it.each([
    ["plain", "plain"],
    ["{{.Name}} {{ .State.Pid }}", "web 7"],
    ["{{$.Name}}", "web"],
    ["{{.Env}} {{.Labels}} {{.Off}} {{.Nothing}}", "[A=1 B=2] map[a:1 b:2] false <nil>"],
    ["{{json .Labels}} {{json .}}", `{"b":"2","a":"1"} ${JSON.stringify(DATA)}`],
    ['{{.Name | upper}} {{.Name | printf "%-5s|"}}', "WEB web  |"],
    ['{{join .Env ","}} {{index .Env 1}} {{index .Labels "a"}} {{len .Env}}', "A=1,B=2 B=2 1 2"],
    ["{{range .Env}}<{{.}}>{{end}}", "<A=1><B=2>"],
    ["{{range .Nothing}}x{{else}}none{{end}}", "none"],
    ["{{if .Off}}on{{else}}off{{end}} {{if eq .Name `web`}}yes{{end}}", "off yes"],
    ["{{with .State}}{{.Pid}}{{end}}", "7"],
    ["a {{- .Name -}} b", "awebb"],
    ["{{(index .Env 0) | lower}}", "a=1"],
    ['{{"a}}b"}}', "a}}b"],
    ["{{println .Name}}", "web\n"],
  ])("render %s", (template, text) => expect(render(template)).toBe(text));

  it.each([
    ["{{.Nope}}", 'no entry for key "Nope"'],
    ["{{.State.Nope}}", 'no entry for key "Nope"'],
    ["{{.constructor}}", 'no entry for key "constructor"'],
    ["{{nope .Name}}", 'function "nope" not defined'],
    ["{{toString}}", 'function "toString" not defined'],
    ["{{.Name", "unclosed action"],
    ["{{if .Name}}x", "without {{end}}"],
    ["{{end}}", "unexpected {{end}}"],
    ["{{}}", "missing value"],
    ["{{index .Env 9}}", "out of range"],
    ["{{.Name ? 1}}", "unexpected"],
  ])("refuse %s", (template, message) => expect(() => render(template)).toThrow(message));
});
