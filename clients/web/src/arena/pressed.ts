// Buttons that are clicked and left.

/** Who clicks a button does not stay on it, so that Space and Enter go on meaning what the list of keys says. */
export function pressed(button: HTMLButtonElement, act: () => void): void {
  button.addEventListener("click", (event) => {
    if (event.detail > 0) button.blur();
    act();
  });
}
