// Makes a new character: by style, by number, or from a picture.

import type { Api } from "../live/api.ts";
import { adviceFor } from "../live/failures.ts";
import type { Character } from "../live/messages.ts";
import { el, icon, iconButton } from "./dom.ts";
import { capital } from "./gallery.ts";

const LARGEST_SEED = 999_999;
const LARGEST_BYTES = 8 * 2 ** 20;
const FORMATS = "image/png,image/jpeg,image/webp";

export class Creator {
  readonly element: HTMLDialogElement;
  readonly #api: Api;
  readonly #made: (character: Character) => void;
  readonly #styles = el("div", { className: "chips" });
  readonly #seed = el("input", { type: "number", min: "0", max: String(LARGEST_SEED), step: "1", id: "seed", inputMode: "numeric" });
  readonly #file = el("input", { type: "file", accept: FORMATS, className: "unseen", id: "picture-file" });
  readonly #portrait = el("img", { alt: "", width: 256, height: 256, hidden: true });
  readonly #preview: HTMLElement;
  readonly #remark = el("p", { className: "remark", attributes: { role: "status" } });
  readonly #use = el("button", { type: "button", className: "primary", disabled: true, textContent: "Use this one" });
  #character: Character | null = null;
  #wishes = 0;

  constructor(api: Api, made: (character: Character) => void) {
    this.#api = api;
    this.#made = made;
    this.#preview = el("div", { className: "preview" }, [icon("plus"), this.#portrait]);
    const close = iconButton("close", "Close", "quiet round");
    close.addEventListener("click", () => this.element.close());
    this.#use.addEventListener("click", () => this.#accept());
    this.element = el("dialog", { className: "creator", attributes: { "aria-labelledby": "creator-title" } }, [
      el("header", {}, [el("h2", { id: "creator-title", textContent: "Make a new one" }), close]),
      el("div", { className: "making" }, [
        el("div", { className: "ways" }, [this.#byStyle(), this.#bySeed(), this.#byPicture()]),
        el("div", { className: "result" }, [this.#preview, this.#remark, this.#use]),
      ]),
    ]);
  }

  open(styles: readonly string[]): void {
    const chips = styles.map((style) => {
      const ask = (): void => void this.#ask(() => this.#api.create({ style }));
      return el("button", { type: "button", className: "chip", textContent: capital(style), on: { click: ask } });
    });
    this.#styles.replaceChildren(...chips);
    this.#clear("Nobody yet. Pick a way on this page.");
    this.element.showModal();
  }

  #byStyle(): HTMLElement {
    return el("section", {}, [el("h3", { textContent: "Surprise me" }), this.#styles]);
  }

  #bySeed(): HTMLElement {
    const dice = iconButton("dice", "Roll a number", "quiet round");
    const ask = (): void => {
      if (this.#seed.value !== "" && this.#seed.reportValidity()) void this.#ask(() => this.#api.create({ seed: this.#seed.valueAsNumber }));
    };
    dice.addEventListener("click", () => {
      this.#seed.value = String(Math.floor(Math.random() * (LARGEST_SEED + 1)));
      ask();
    });
    const go = el("button", { type: "submit", className: "secondary", textContent: "Show" });
    const submit = (event: Event): void => {
      event.preventDefault();
      ask();
    };
    const label = el("label", { htmlFor: "seed", className: "hint", textContent: `The same number is always the same face: 0 to ${LARGEST_SEED.toLocaleString("en")}.` });
    const form = el("form", { className: "row", noValidate: false, on: { submit } }, [this.#seed, dice, go]);
    return el("section", {}, [el("h3", { textContent: "By number" }), label, form]);
  }

  #byPicture(): HTMLElement {
    const drop = el("label", { className: "drop", htmlFor: "picture-file" }, [
      icon("upload"),
      el("span", { textContent: "Choose a picture, or drop one here" }),
      el("span", { className: "hint", textContent: "PNG, JPEG or WebP, at most 8 MiB. Only use pictures you may use." }),
    ]);
    this.#file.addEventListener("change", () => this.#upload(this.#file.files?.[0]));
    const over = (event: Event, inside: boolean): void => {
      event.preventDefault();
      drop.classList.toggle("over", inside);
    };
    drop.addEventListener("dragover", (event) => over(event, true));
    drop.addEventListener("dragleave", (event) => over(event, false));
    drop.addEventListener("drop", (event) => {
      over(event, false);
      this.#upload(event.dataTransfer?.files[0]);
    });
    return el("section", { className: "upload" }, [el("h3", { textContent: "From a picture" }), this.#file, drop]);
  }

  #upload(file: File | undefined): void {
    this.#file.value = "";
    if (!file) return;
    if (!FORMATS.split(",").includes(file.type)) return this.#clear("Use a PNG, JPEG or WebP picture.");
    if (file.size > LARGEST_BYTES) return this.#clear("The picture is too large: at most 8 MiB.");
    void this.#ask(() => this.#api.upload(file));
  }

  async #ask(make: () => Promise<Character>): Promise<void> {
    const wish = ++this.#wishes;
    this.#clear("Drawing…");
    this.#preview.classList.add("busy");
    try {
      const character = await make();
      if (wish === this.#wishes) this.#show(character);
    } catch (error) {
      const { title, text } = adviceFor(error);
      if (wish === this.#wishes) this.#clear(`${title}. ${text}`);
    }
  }

  #show(character: Character): void {
    this.#character = character;
    this.#portrait.src = character.picture;
    this.#portrait.hidden = false;
    this.#preview.classList.remove("busy");
    this.#remark.textContent = character.about;
    this.#use.disabled = false;
  }

  #clear(remark: string): void {
    this.#character = null;
    this.#portrait.hidden = true;
    this.#preview.classList.remove("busy");
    this.#remark.textContent = remark;
    this.#use.disabled = true;
  }

  #accept(): void {
    if (!this.#character) return;
    this.element.close();
    this.#made(this.#character);
  }
}
