import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { Markdown } from "@/components/markdown";
import { hostile } from "@/lib/markdown/hostile";

/** The fastest of a few: how long it takes, and not what else the machine was doing. */
function fastest(task: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) {
    const begun = performance.now();
    task();
    best = Math.min(best, performance.now() - begun);
  }
  return best;
}

describe("a message on the screen", () => {
  it("is built of the elements it should be", () => {
    expect(renderToStaticMarkup(<Markdown text="**a** `b` [c](https://example.org)" />)).toMatch(
      /<strong[^>]*>a<\/strong> <code[^>]*>b<\/code> <a href="https:\/\/example.org\/" target="_blank" rel="noopener noreferrer nofollow ugc"[^>]*>c<\/a>/,
    );
  });

  it.each(hostile)("is harmless and quick, whatever is in it: %j", (text) => {
    let html = "";
    // The parser remembers what it has parsed; a space makes it a message it has not seen.
    let spaces = "";
    const took = fastest(() => {
      spaces += " ";
      html = renderToStaticMarkup(<Markdown text={text + spaces} />);
    });
    expect(took).toBeLessThan(50);
    const elements = [...html.matchAll(/<([a-z0-9]+)/g)].map((match) => match[1]);
    expect(elements.filter((name) => !["div", "p", "br"].includes(name ?? ""))).toEqual([]);
    expect(html).not.toMatch(/<[^>]*\s(on\w+|href|src)=/);
  });
});
