// Which characters the gallery shows.

import type { Character } from "../live/messages.ts";

export interface Wish {
  style: string | null;
  words: string;
}

/** Every word must begin a word of the name, the style or the description. */
export function matching(characters: readonly Character[], wish: Wish): Character[] {
  const words = split(wish.words);
  return characters.filter((character) => {
    if (wish.style !== null && character.style !== wish.style) return false;
    const said = split(`${character.name} ${character.style} ${character.about} ${character.id}`);
    return words.every((word) => said.some((other) => other.startsWith(word)));
  });
}

function split(text: string): string[] {
  return text.toLocaleLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
