import { expect, test } from "vitest";
import { eventParser } from "./events";

test("events come whole, however the stream is cut", () => {
  const stream = ': hello\n\nevent: state\ndata: {"a":1}\n\ndata: one\ndata: two\r\n\r\ndata:x\n\n';
  for (let size = 1; size <= stream.length; size += 1) {
    const got: string[] = [];
    const parse = eventParser((data) => got.push(data));
    for (let at = 0; at < stream.length; at += size) parse(stream.slice(at, at + size));
    expect(got).toEqual(['{"a":1}', "one\ntwo", "x"]);
  }
});
