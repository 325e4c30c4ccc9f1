import { describe, expect, it } from "vitest";
import { parseDevice } from "../../../cli/parse/device.ts";
import { parseAddress, parseExtraHost, parseSearchDomain } from "../../../cli/parse/host-names.ts";
import { parseUlimit } from "../../../cli/parse/ulimit.ts";
import { casesOf, outcomeOf } from "../facts.ts";

describe("what docker's client reads and refuses", () => {
  it.each(casesOf("device"))("device $input", (fact) => {
    const asDocker = (text: string) => {
      const { source, target, access } = parseDevice(text);
      return { CgroupPermissions: access, PathInContainer: target, PathOnHost: source };
    };
    expect(outcomeOf(fact.input, asDocker)).toEqual(fact);
  });
  it.each(casesOf("ulimits"))("ulimit $input", (fact) => {
    const asDocker = (text: string) => {
      const { name, soft, hard } = parseUlimit(text);
      return { Hard: hard, Name: name, Soft: soft };
    };
    expect(outcomeOf(fact.input, asDocker)).toEqual(fact);
  });
  it.each(casesOf("extraHost"))("host $input", (fact) => {
    expect(outcomeOf(fact.input, parseExtraHost)).toEqual(fact);
  });
  it.each(casesOf("dnsSearch"))("search domain $input", (fact) => {
    expect(outcomeOf(fact.input, parseSearchDomain)).toEqual(fact);
  });
  it.each(casesOf("ipAddress"))("address $input", (fact) => {
    expect(outcomeOf(fact.input, parseAddress)).toEqual(fact);
  });
});
