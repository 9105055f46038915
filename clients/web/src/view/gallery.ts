// The first view: who there is to talk to, and one button that starts.

import type { Cast, Character } from "../live/messages.ts";
import type { Announcer } from "./announcer.ts";
import { el, icon } from "./dom.ts";
import { matching, type Wish } from "./filter.ts";
import { Chosen } from "./chosen.ts";

export interface GalleryEvents {
  start(character: Character): void;
  create(): void;
}

export class Gallery {
  readonly element: HTMLElement;
  readonly #events: GalleryEvents;
  readonly #announcer: Announcer;
  readonly #grid = el("div", { className: "grid" });
  readonly #empty = el("p", { className: "empty", hidden: true, textContent: "Nobody like that here. Make a new one?" });
  readonly #styles = el("div", { className: "chips", attributes: { role: "radiogroup", "aria-label": "Style" } });
  readonly #chosen: Chosen;
  readonly #wish: Wish = { style: null, words: "" };
  #characters: Character[] = [];

  constructor(events: GalleryEvents, announcer: Announcer) {
    this.#events = events;
    this.#announcer = announcer;
    this.#chosen = new Chosen();
    const search = el("input", {
      type: "search",
      placeholder: "Search",
      autocomplete: "off",
      attributes: { "aria-label": "Search characters" },
      on: { input: () => this.#search(search.value) },
    });
    const heading = el("header", { className: "intro" }, [
      el("h1", { textContent: "Who would you like to talk to?" }),
      el("p", { textContent: "Choose a face. It listens, answers and moves as you speak." }),
    ]);
    const tools = el("div", { className: "tools" }, [el("label", { className: "search" }, [icon("search"), search]), this.#styles]);
    const cast = el("fieldset", { className: "cast" }, [
      el("legend", { className: "unseen", textContent: "Characters" }),
      this.#grid,
      this.#empty,
    ]);
    this.element = el("form", { className: "gallery", on: { submit: (event) => this.#submit(event) } }, [
      el("div", { className: "browse" }, [heading, tools, cast]),
      this.#chosen.element,
    ]);
  }

  show(cast: Cast): void {
    this.#characters = [...cast.characters];
    const styles = [["", "All"], ...cast.styles.map((style) => [style, capital(style)])];
    this.#styles.replaceChildren(...styles.map(([value, label]) => this.#chip(value ?? "", label ?? "")));
    this.#fill();
    const first = this.#characters[0];
    if (first) this.choose(first);
  }

  /** A character made just now comes first. */
  add(character: Character): void {
    this.#characters = [character, ...this.#characters.filter((other) => other.id !== character.id)];
    this.#wish.style = null;
    this.#fill();
    this.choose(character);
  }

  choose(character: Character): void {
    this.#chosen.show(character);
    for (const input of this.#grid.querySelectorAll("input")) input.checked = input.value === character.id;
  }

  /** Portraits that are still being drawn hold connections that a conversation needs: they wait until it is over. */
  set paused(paused: boolean) {
    for (const image of this.#grid.querySelectorAll("img")) {
      const later = image.dataset["later"];
      if (!paused && later !== undefined) {
        image.src = later;
        delete image.dataset["later"];
      } else if (paused && !image.complete) {
        image.dataset["later"] = image.src;
        image.removeAttribute("src");
      }
    }
  }

  focus(): void {
    this.#grid.querySelector<HTMLInputElement>("input:checked")?.focus();
  }

  #submit(event: Event): void {
    event.preventDefault();
    if (this.#chosen.character) this.#events.start(this.#chosen.character);
  }

  #search(words: string): void {
    this.#wish.words = words;
    this.#announcer.say(`${this.#fill()} characters`);
  }

  #fill(): number {
    const found = matching(this.#characters, this.#wish);
    this.#grid.replaceChildren(this.#maker(), ...found.map((character) => this.#card(character)));
    this.#empty.hidden = found.length > 0;
    for (const input of this.#styles.querySelectorAll("input")) input.checked = input.value === (this.#wish.style ?? "");
    return found.length;
  }

  #maker(): HTMLElement {
    return el("button", { type: "button", className: "card maker", on: { click: () => this.#events.create() } }, [
      el("span", { className: "plus" }, [icon("plus")]),
      el("span", { className: "name", textContent: "Make a new one" }),
    ]);
  }

  #card(character: Character): HTMLElement {
    const input = el("input", { type: "radio", name: "character", value: character.id, className: "unseen" });
    input.checked = character.id === this.#chosen.character?.id;
    input.addEventListener("change", () => this.choose(character));
    const portrait = el("img", { src: character.picture, alt: "", width: 256, height: 256, loading: "lazy", decoding: "async" });
    const card = el("label", { className: "card", title: character.about }, [
      input,
      portrait,
      el("span", { className: "name", textContent: character.name }),
      el("span", { className: "unseen", textContent: `, ${character.about}` }),
    ]);
    card.addEventListener("dblclick", () => this.#events.start(character));
    return card;
  }

  #chip(value: string, label: string): HTMLElement {
    const input = el("input", { type: "radio", name: "style", value, className: "unseen" });
    input.addEventListener("change", () => {
      this.#wish.style = value === "" ? null : value;
      this.#announcer.say(`${this.#fill()} characters`);
    });
    return el("label", { className: "chip" }, [input, el("span", { textContent: label })]);
  }
}

export function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
