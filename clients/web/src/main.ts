// The page: two views, and the way between them.

import { Conversation } from "./conversation.ts";
import { Api } from "./live/api.ts";
import { adviceFor } from "./live/failures.ts";
import type { Cast, Character } from "./live/messages.ts";
import { Sound } from "./media/sound.ts";
import { Announcer } from "./view/announcer.ts";
import { Creator } from "./view/creator.ts";
import { askForKey, tellFailure } from "./view/dialogs.ts";
import { el } from "./view/dom.ts";
import { Gallery } from "./view/gallery.ts";
import { themeButton } from "./view/theme.ts";

const KEY_IN_ADDRESS = /^#key=(.+)$/;

function main(): void {
  const api = new Api(askForKey);
  const key = KEY_IN_ADDRESS.exec(location.hash)?.[1];
  if (key !== undefined) {
    api.useKey(decodeURIComponent(key));
    history.replaceState(null, "", location.pathname); // keys do not stay in addresses
  }
  const announcer = new Announcer();
  const place = el("main", { id: "main" });
  let cast: Cast = { characters: [], emotions: [], styles: [] };

  const gallery = new Gallery({ start: (character) => start(character), create: () => creator.open(cast.styles) }, announcer);
  const creator = new Creator(api, (character) => {
    gallery.add(character);
    gallery.focus();
  });

  function home(): void {
    document.title = "OpenLPM";
    document.body.dataset["view"] = "gallery";
    place.replaceChildren(gallery.element);
    gallery.paused = false;
    gallery.focus();
  }

  function start(character: Character): void {
    const conversation = new Conversation(api, new Sound(), character, cast.emotions, announcer, {
      left: home,
      failed: (advice) => {
        home();
        void tellFailure(advice).then((again) => (again ? start(character) : undefined));
      },
    });
    gallery.paused = true;
    document.title = `${character.name} · OpenLPM`;
    document.body.dataset["view"] = "talk";
    place.replaceChildren(conversation.view.element);
    conversation.view.focus();
    // A page that comes back from the browser's memory begins anew.
    addEventListener("pagehide", () => conversation.leave(), { once: true });
    void conversation.start();
  }

  async function load(): Promise<void> {
    try {
      cast = await api.cast();
      gallery.show(cast);
    } catch (error) {
      if (await tellFailure(adviceFor(error))) await load();
    }
  }

  document.getElementById("app")?.replaceChildren(
    el("a", { className: "skip", href: "#main", textContent: "Skip to the content" }),
    el("header", { className: "top" }, [
      el("div", { className: "brand" }, [el("img", { src: ICON, alt: "", width: 28, height: 28 }), el("span", { textContent: "OpenLPM" })]),
      themeButton(),
    ]),
    place,
    creator.element,
    announcer.element,
  );
  home();
  void load();
}

main();
