import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostile } from "@/lib/markdown/hostile";
import { parseMarkdown } from "@/lib/markdown/parse";
import type { Block, Inline } from "@/lib/markdown/tree";
import { safeUrl } from "@/lib/markdown/url";

function links(blocks: readonly Block[]): string[] {
  return JSON.stringify(blocks).match(/"href":"(?:[^"\\]|\\.)*"/g) ?? [];
}

function textOf(nodes: readonly (Block | Inline)[]): string {
  return nodes
    .map((node) => {
      if (node.type === "list") return node.items.map(textOf).join("");
      if (node.type === "table") return [node.head, ...node.rows].flat().map(textOf).join("");
      if ("children" in node) return textOf(node.children);
      return "text" in node ? node.text : "";
    })
    .join("");
}

const disguised = [
  "[a](java\nscript:alert(1))",
  "[a](&#1;javascript:alert(1))",
  "<javascript:alert(1)>",
  "[a](//evil.example)",
  "[a](file:///etc/passwd)",
  "![](javascript:alert(1))",
  "[a]: javascript:alert(1)\n[a]",
];

describe("markdown", () => {
  it("knows what people write in a chat", () => {
    expect(parseMarkdown("**bold** _soft_ ~~gone~~ `code`\nnext")).toEqual([
      {
        type: "paragraph",
        children: [
          { type: "strong", children: [{ type: "text", text: "bold" }] },
          { type: "text", text: " " },
          { type: "emphasis", children: [{ type: "text", text: "soft" }] },
          { type: "text", text: " " },
          { type: "strike", children: [{ type: "text", text: "gone" }] },
          { type: "text", text: " " },
          { type: "code", text: "code" },
          { type: "break" },
          { type: "text", text: "next" },
        ],
      },
    ]);
    expect(parseMarkdown("```py\nx = 1\n```")).toEqual([{ type: "code", text: "x = 1", language: "py" }]);
    expect(parseMarkdown("> a\n\n1. b\n2. c")).toMatchObject([
      { type: "quote", children: [{ type: "paragraph" }] },
      { type: "list", ordered: true, items: [[{ type: "paragraph" }], [{ type: "paragraph" }]] },
    ]);
  });

  it("links addresses, and nothing that only looks like one", () => {
    expect(links(parseMarkdown("see https://example.org/a?b=c and main.rs"))).toEqual([
      '"href":"https://example.org/a?b=c"',
    ]);
  });

  it("makes a link of a picture, so that reading fetches nothing", () => {
    expect(parseMarkdown("![a cat](https://example.org/cat.png)")).toEqual([
      {
        type: "paragraph",
        children: [
          { type: "link", href: "https://example.org/cat.png", children: [{ type: "text", text: "a cat" }] },
        ],
      },
    ]);
  });

  it.each([...hostile, ...disguised])("shows %j as text", (text) => {
    expect(links(parseMarkdown(text))).toEqual([]);
  });

  it("shows a message that is past its bounds as what was written", () => {
    for (const text of [
      "> ".repeat(2000),
      `${"> ".repeat(30)}deep`,
      `${"|".repeat(1990)}\n${"|-".repeat(990)}`,
    ]) {
      expect(textOf(parseMarkdown(text))).toBe(text.replaceAll("\n", ""));
    }
  });

  it("never shows nothing for something", () => {
    for (const text of ["[a]: b", "\n", " ", "> ", "#", "---", "\\"]) {
      expect(parseMarkdown(text)).not.toEqual([]);
    }
  });

  it("parses whatever it is given in bounded time", () => {
    const filled = (unit: string) => unit.repeat(Math.ceil(4000 / unit.length)).slice(0, 4000);
    const units = fc.stringMatching(/^[-*_~`>#|[\]()!<&\\:.\n a1]{1,12}$/);
    fc.assert(
      fc.property(units, fc.string({ maxLength: 40 }), (unit, tail) => {
        const begun = performance.now();
        const blocks = parseMarkdown(filled(unit) + tail);
        expect(performance.now() - begun).toBeLessThan(1000);
        expect(blocks.length).toBeGreaterThan(0);
        for (const link of links(blocks)) expect(link).toMatch(/^"href":"(https?|mailto):/);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a safe address", () => {
  it("is one of the web or of mail, without a disguise", () => {
    expect(safeUrl("https://example.org")).toBe("https://example.org/");
    expect(safeUrl("mailto:ada@example.org")).toBe("mailto:ada@example.org");
    for (const address of ["javascript:alert(1)", " java\tscript:alert(1)", "/path", "//host", "x", ""]) {
      expect(safeUrl(address)).toBeNull();
    }
    expect(safeUrl("https://bank.example@evil.example/")).toBeNull();
  });
});
