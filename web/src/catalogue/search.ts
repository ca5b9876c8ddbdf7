/** What a person types into the search, as what the indexer can be asked. Pure. */
export type Search =
  | { readonly kind: 'all' }
  | { readonly kind: 'creator'; readonly creator: string }
  | { readonly kind: 'content'; readonly contentId: string }
  /** A part of a title, or a whole CID. */
  | { readonly kind: 'text'; readonly q: string };

/** The indexer's bound. */
const longestBytes = 256;

export function searchOf(text: string): Search {
  const typed = text.trim().replace(/^(ipfs:\/\/|\/ipfs\/)/, '');
  if (typed === '') return { kind: 'all' };
  if (/^0x[0-9a-f]{40}$/i.test(typed)) return { kind: 'creator', creator: typed.toLowerCase() };
  if (/^0x[0-9a-f]{64}$/i.test(typed)) return { kind: 'content', contentId: typed.toLowerCase() };
  return { kind: 'text', q: cut(typed) };
}

/** Cut to the bound, between characters. */
function cut(text: string): string {
  const encoder = new TextEncoder();
  let [kept, bytes] = ['', 0];
  for (const character of text) {
    bytes += encoder.encode(character).length;
    if (bytes > longestBytes) break;
    kept += character;
  }
  return kept;
}
