import MarkdownIt, { type Token } from "markdown-it";
import type { Block, Inline } from "@/lib/markdown/tree";
import { safeUrl } from "@/lib/markdown/url";

/** The server takes 4,000 code points, which are at most twice as many UTF-16 units. */
const MAX_LENGTH = 8_000;

/** Deeper than this nobody quotes on purpose; each level costs the reader's browser a box in a box. */
const MAX_NESTING = 24;

/** A table of nothing but bars makes thousands of cells of one message. */
const MAX_TOKENS = 2_500;

/** Parsed messages kept: some screens of scrolling back and forth. */
const MAX_CACHED = 500;

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, maxNesting: MAX_NESTING });
// Indented code and underlined headings surprise in a chat, and a link definition shows nothing at all.
markdown.disable(["code", "lheading", "reference", "html_block", "html_inline"]);
// Only what is written as an address becomes one: «main.rs» and «setup.py» are files, not hosts.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
markdown.validateLink = (address) => safeUrl(address) !== null;

const cache = new Map<string, readonly Block[]>();

/** The message as a tree; what is past the bounds, as one paragraph of its very text. Never throws. */
export function parseMarkdown(text: string): readonly Block[] {
  const known = cache.get(text);
  if (known) return known;
  const blocks = parse(text);
  if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string);
  cache.set(text, blocks);
  return blocks;
}

function parse(text: string): Block[] {
  if (text.length > MAX_LENGTH) return plain(text);
  const tokens = markdown.parse(text, {});
  let count = 0;
  for (const token of tokens) {
    count += 1 + (token.children?.length ?? 0);
    // The parser stops at its limit and drops the rest, and nothing that was written may vanish.
    if (token.level >= MAX_NESTING - 2 || count > MAX_TOKENS) return plain(text);
    if (token.children?.some((child) => child.level >= MAX_NESTING - 2)) return plain(text);
  }
  const blocks = new Reader(tokens).blocks(null);
  return blocks.length > 0 ? blocks : plain(text);
}

function plain(text: string): Block[] {
  const children: Inline[] = [];
  text.split("\n").forEach((line, index) => {
    if (index > 0) children.push({ type: "break" });
    if (line) children.push({ type: "text", text: line });
  });
  return [{ type: "paragraph", children }];
}

/** Reads the parser's flat list of opening and closing tokens into a tree. */
class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Blocks up to the token `end`, which is consumed. */
  blocks(end: string | null): Block[] {
    const blocks: Block[] = [];
    for (let token = this.#next(); token; token = this.#next()) {
      if (token.type === end) break;
      const block = this.#block(token);
      if (block) blocks.push(block);
    }
    return blocks;
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  #block(token: Token): Block | null {
    switch (token.type) {
      case "paragraph_open":
        return { type: "paragraph", children: this.#content("paragraph_close") };
      case "heading_open":
        return { type: "heading", children: this.#content("heading_close") };
      case "inline":
        return { type: "paragraph", children: inlines(token.children ?? []) };
      case "fence":
      case "code_block":
        return { type: "code", text: token.content.replace(/\n$/, ""), language: languageOf(token.info) };
      case "blockquote_open":
        return { type: "quote", children: this.blocks("blockquote_close") };
      case "bullet_list_open":
        return { type: "list", ordered: false, start: 1, items: this.#items("bullet_list_close") };
      case "ordered_list_open":
        return {
          type: "list",
          ordered: true,
          start: Number(token.attrGet("start") ?? 1),
          items: this.#items("ordered_list_close"),
        };
      case "table_open":
        return this.#table();
      case "hr":
        return { type: "rule" };
      default:
        // A kind that is not known is shown as what was written, never as markup.
        return token.content
          ? { type: "paragraph", children: [{ type: "text", text: token.content }] }
          : null;
    }
  }

  #content(end: string): Inline[] {
    const children: Inline[] = [];
    for (let token = this.#next(); token && token.type !== end; token = this.#next()) {
      children.push(...inlines(token.children ?? []));
    }
    return children;
  }

  #items(end: string): Block[][] {
    const items: Block[][] = [];
    for (let token = this.#next(); token && token.type !== end; token = this.#next()) {
      if (token.type === "list_item_open") items.push(this.blocks("list_item_close"));
    }
    return items;
  }

  #table(): Block {
    const rows: Inline[][][] = [];
    for (let token = this.#next(); token && token.type !== "table_close"; token = this.#next()) {
      if (token.type === "tr_open") rows.push([]);
      if (token.type === "inline") rows.at(-1)?.push(inlines(token.children ?? []));
    }
    const [head = [], ...rest] = rows;
    return { type: "table", head, rows: rest };
  }
}

const MARKS: Readonly<Record<string, "strong" | "emphasis" | "strike">> = {
  strong_open: "strong",
  em_open: "emphasis",
  s_open: "strike",
};

function inlines(tokens: readonly Token[]): Inline[] {
  const root: Inline[] = [];
  const stack: Inline[][] = [root];
  const add = (node: Inline) => stack.at(-1)?.push(node);
  const open = (node: Inline & { children: Inline[] }) => {
    add(node);
    stack.push(node.children);
  };
  for (const token of tokens) {
    const mark = MARKS[token.type];
    if (mark) open({ type: mark, children: [] });
    else if (token.type === "link_open") openLink(attribute(token, "href"), open);
    else if (token.nesting === -1) {
      if (stack.length > 1) stack.pop();
    } else if (token.type === "softbreak" || token.type === "hardbreak") add({ type: "break" });
    else if (token.type === "code_inline") add({ type: "code", text: token.content });
    else if (token.type === "image") add(imageLink(token));
    else if (token.content) add({ type: "text", text: token.content });
  }
  return root;
}

function attribute(token: Token, name: string): string {
  return String(token.attrGet(name) ?? "");
}

function openLink(address: string, open: (node: Inline & { children: Inline[] }) => void): void {
  const href = safeUrl(address);
  // `validateLink` has refused the rest already; without an address it is only its text.
  if (href === null) open({ type: "emphasis", children: [] });
  else open({ type: "link", href, children: [] });
}

/** A picture is not fetched, which would tell its host who reads and when: it becomes a link. */
function imageLink(token: Token): Inline {
  const source = attribute(token, "src");
  const text: Inline = { type: "text", text: token.content || source };
  const href = safeUrl(source);
  return href === null ? text : { type: "link", href, children: [text] };
}

function languageOf(info: string): string | null {
  const name = info.trim().split(/\s+/)[0] ?? "";
  return /^[\w+#.-]{1,24}$/.test(name) ? name : null;
}
