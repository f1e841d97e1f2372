import { Fragment, memo, type ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import { cn } from "@/lib/class-names";
import { parseMarkdown } from "@/lib/markdown/parse";
import type { Block, Inline } from "@/lib/markdown/tree";

/** A message. It is built of elements, never of HTML, so nothing in it can become anything else. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const blocks = parseMarkdown(text);
  const big = isEmojiOnly(text);
  return (
    <div dir="auto" className={cn("message-body flex flex-col gap-1.5", big && "text-[2rem] leading-tight")}>
      {blocks.map(renderBlock)}
    </div>
  );
});

/** Up to three pictures and nothing else are shown large. */
function isEmojiOnly(text: string): boolean {
  if (text.length > 40) return false;
  const parts = [...new Intl.Segmenter().segment(text.trim())].map((part) => part.segment);
  return (
    parts.length > 0 && parts.length <= 3 && parts.every((part) => /^\p{Extended_Pictographic}/u.test(part))
  );
}

function renderBlock(block: Block, key: number): ReactNode {
  switch (block.type) {
    case "paragraph":
      return <p key={key}>{block.children.map(renderInline)}</p>;
    case "heading":
      return (
        <p key={key} className="font-semibold">
          {block.children.map(renderInline)}
        </p>
      );
    case "code":
      return (
        <div key={key} className="group/code relative my-0.5 max-w-full">
          <pre className="scroll-quiet overflow-x-auto rounded-lg border border-line bg-sunken px-3 py-2 font-mono text-[0.8125rem] leading-relaxed">
            <code>{block.text}</code>
          </pre>
          <CopyButton
            text={block.text}
            className="absolute top-1 right-1 bg-sunken opacity-0 group-focus-within/code:opacity-100 group-hover/code:opacity-100"
          />
        </div>
      );
    case "quote":
      return (
        <blockquote key={key} className="flex flex-col gap-1.5 border-l-[3px] border-edge pl-3 text-soft">
          {block.children.map(renderBlock)}
        </blockquote>
      );
    case "list": {
      const List = block.ordered ? "ol" : "ul";
      return (
        <List
          key={key}
          {...(block.ordered ? { start: block.start } : {})}
          className={cn(
            "flex flex-col gap-0.5 pl-6",
            block.ordered ? "list-decimal" : "list-disc",
            "marker:text-faint",
          )}
        >
          {block.items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a message is rendered anew as a whole
            <li key={index}>{item.map(renderBlock)}</li>
          ))}
        </List>
      );
    }
    case "table":
      return <Table key={key} head={block.head} rows={block.rows} />;
    case "rule":
      return <hr key={key} className="my-1 border-line" />;
  }
}

function Table({ head, rows }: { head: Inline[][]; rows: Inline[][][] }) {
  return (
    <div className="scroll-quiet max-w-full overflow-x-auto">
      <table className="my-0.5 border-collapse text-sm">
        <thead>
          <tr>
            {head.map((cell, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a message is rendered anew as a whole
              <th key={index} className="border border-line bg-sunken px-2.5 py-1 text-left font-semibold">
                {cell.map(renderInline)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a message is rendered anew as a whole
            <tr key={index}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a message is rendered anew as a whole
                <td key={column} className="border border-line px-2.5 py-1">
                  {cell.map(renderInline)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function renderInline(node: Inline, key: number): ReactNode {
  switch (node.type) {
    case "text":
      return <Fragment key={key}>{node.text}</Fragment>;
    case "break":
      return <br key={key} />;
    case "code":
      return (
        <code
          key={key}
          className="rounded-[5px] border border-line bg-sunken px-1 py-px font-mono text-[0.85em]"
        >
          {node.text}
        </code>
      );
    case "strong":
      return (
        <strong key={key} className="font-semibold">
          {node.children.map(renderInline)}
        </strong>
      );
    case "emphasis":
      return <em key={key}>{node.children.map(renderInline)}</em>;
    case "strike":
      return <s key={key}>{node.children.map(renderInline)}</s>;
    case "link":
      return (
        <a
          key={key}
          href={node.href}
          target="_blank"
          rel="noopener noreferrer nofollow ugc"
          className="text-sky underline decoration-sky/40 underline-offset-2 hover:decoration-sky"
        >
          {node.children.map(renderInline)}
        </a>
      );
  }
}
