/** For tests: messages that have broken other chats: each must be shown as text, or as a link that is safe to follow. */
export const hostile: readonly string[] = [
  "[a](JaVaScRiPt&#58;alert(1))",
  "[a](data:text/html;base64,PHNjcmlwdD4=)",
  '![a](x" onerror="alert(1))',
  "</script><script>",
  "[a](vbscript:x)",
  '<a href="\u0001javascript:alert(1)">',
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  '{{constructor.constructor("alert(1)")()}}',
  // As deep as a message can be long.
  `${"> ".repeat(1_999)}a`,
];

/** What a message of the same kind looks like past the server's limit. */
export const tooLong: string = "> ".repeat(10_000);
