import { describe, expect, it } from "vitest";
import { formatListing } from "../../../cli/text/listing.ts";
import { parseTemplate } from "../../../cli/text/template.ts";

const DATA = {
  Name: "web",
  Count: 2,
  Off: false,
  Nothing: null,
  Env: ["A=1", "B=2"],
  Labels: { b: "2", a: "1" },
  State: { Pid: 7 },
  Mounts: [{ Source: "/a" }, { Source: "/b" }],
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
    ['{{index .Labels "none"}}{{index .Env 0 | lower}}', "a=1"],
    ["{{range .Env}}<{{.}}>{{end}}", "<A=1><B=2>"],
    ["{{range $i, $e := .Env}}{{$i}}={{$e}};{{end}}", "0=A=1;1=B=2;"],
    ["{{range $k, $v := .Labels}}{{$k}}:{{$v}} {{end}}", "a:1 b:2 "],
    ["{{range $v := .Labels}}{{$v}}{{$.Name}}{{end}}", "1web2web"],
    ["{{range .Nothing}}x{{else}}none{{end}}", "none"],
    ["{{range .Env}}{{if eq . `B=2`}}{{break}}{{end}}{{.}}{{end}}", "A=1"],
    ["{{range .Env}}{{if eq . `A=1`}}{{continue}}{{end}}{{.}}{{end}}", "B=2"],
    ["{{range 3}}{{.}}{{end}}", "012"],
    ["{{if .Off}}on{{else}}off{{end}} {{if eq .Name `web`}}yes{{end}}", "off yes"],
    ["{{if .Off}}a{{else if eq .Count 2}}b{{else}}c{{end}}", "b"],
    ["{{if and (eq .Count 2) (ne .Name `x`)}}both{{end}}", "both"],
    ["{{with .State}}{{.Pid}}{{end}}{{with .Off}}x{{else}}y{{end}}", "7y"],
    ["a {{- .Name -}} b", "awebb"],
    ["{{/* {{ a comment }} */}}x{{- /* y */ -}} z", "xz"],
    ["{{(index .Env 0) | lower}} {{(index .Mounts 1).Source}}", "a=1 /b"],
    ['{{"a}}b"}}', "a}}b"],
    ["{{println .Name}}", "web\n"],
    ['{{print 1 2 "a" "b" 3}}', "1 2ab3"],
    ["{{$x := .Name}}{{$x}}{{$x = `y`}}{{$x}}", "weby"],
    ["{{$x := 1}}{{range .Env}}{{$x = .}}{{end}}{{$x}}", "B=2"],
    ["{{$x := 1}}{{range .Env}}{{$x := .}}{{end}}{{$x}}", "1"],
    ['{{define "t"}}<{{.}}>{{end}}{{template "t" .Name}}{{template "t" .Count}}', "<web><2>"],
    ['{{block "t" .Count}}[{{.}}]{{end}}', "[2]"],
    [
      "{{slice .Name 1}} {{slice .Env 0 1}} {{pad .Name 1 2}}|{{truncate .Name 2}}",
      "eb [A=1]  web  |we",
    ],
    ['{{html "<a>"}} {{urlquery "a b"}} {{js "a\\"b"}}', '&lt;a&gt; a+b a\\"b'],
    ["{{lt 1 2}} {{ge 2 2}} {{gt `a` `b`}} {{le 1 0}}", "true true false false"],
    ["{{not true}} {{and .Name `x`}} {{or `` `y`}} {{or .Nothing .Off}}", "false x y false"],
    ["{{or .Name (index .Env 9)}} {{and .Off (index .Env 9)}}", "web false"],
    [
      '{{printf "%d %v %T %q %t %5.1f|%-4d|%04d|%x" .Count .Off .Name .Name .Off 1.25 .Count 7 255}}',
      '2 false string "web" false   1.3|2   |0007|ff',
    ],
    [
      '{{printf "%d %s"}} {{printf "x" 1}} {{printf "%d" .Name}}',
      "%!d(MISSING) %!s(MISSING) x%!(EXTRA int=1) %!d(string=web)",
    ],
    ["{{'a'}} {{0x10}} {{1.5}} {{nil | json}}", "97 16 1.5 null"],
    ['{{title "two words"}} {{split .Name "e"}}', "Two Words [w b]"],
  ])("render %s", (template, text) => expect(render(template)).toBe(text));

  it.each([
    ["{{.Nope}}", 'template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
    ["x\n{{.State.Nope}}", 'template: :2:8: executing "" at <.State.Nope>: map has no entry'],
    ["{{.constructor}}", 'no entry for key "constructor"'],
    ["{{nope .Name}}", 'function "nope" not defined'],
    ["{{toString}}", 'function "toString" not defined'],
    ["{{.Name", "unclosed action"],
    ["{{if .Name}}x", "without {{end}}"],
    ["{{range .Env}}{{else x}}{{end}}", 'unexpected "x" after else'],
    ["{{end}}", "unexpected {{end}}"],
    ["{{}}", "missing value"],
    ["{{index .Env 9}}", "at <index .Env 9>: error calling index: index out of range: 9"],
    ["{{.Name ? 1}}", "unexpected"],
    ["{{.Name .Count}}", "can't give argument to non-function"],
    ["{{break}}", "{{break}} outside {{range}}"],
    ["{{$x}}", 'undefined variable "$x"'],
    ['{{template "none"}}', 'template "none" not defined'],
    ['{{define "t"}}{{template "t"}}{{end}}{{template "t"}}', "never ends"],
    ["{{lt 1 `a`}}", "incompatible types for comparison"],
    ["{{eq .Count `2`}}", "incompatible types for comparison"],
    ["{{(.Name}}", "unclosed left parenthesis"],
    ['{{"\\q"}}', "bad string"],
  ])("refuse %s", (template, message) => expect(() => render(template)).toThrow(message));
});

describe("lists by templates", () => {
  const listing = {
    rows: [
      { Names: "web", State: "running" },
      { Names: "job", State: "exited" },
    ],
    headings: { Names: "NAMES", State: "STATE" },
    columns: ["Names"],
    labels: [{ "com.x": "1" }, {}],
  };

  it.each([
    ["{{.Names}}", "web\njob\n"],
    ['{{.Label "com.x"}}|{{.Names}}', "1|web\n|job\n"],
    [
      "table {{upper .Names}}\\t{{json .State}}",
      'NAMES     STATE\nWEB       "running"\nJOB       "exited"\n',
    ],
    ['table {{.Names}}\\t{{.Label "com.x"}}', "NAMES     com.x\nweb       1\njob       \n"],
    ["{{if eq .State `exited`}}{{.Names}}{{end}}", "\njob\n"],
    ["json", '{"Names":"web","State":"running"}\n{"Names":"job","State":"exited"}\n'],
    ["{{json .}}", '{"Names":"web","State":"running"}\n{"Names":"job","State":"exited"}\n'],
  ])("%s", (format, text) => expect(formatListing(listing, format)).toBe(text));
});
